# Мониторинг → Журнал событий.
events-crumbs = Вы находитесь здесь
events-planes = Уровни
events-plane-control = Уровень управления
events-plane-data = Уровень данных
events-data-plane-help = На уровне данных собираются события внутри виртуальных машин, кластеров и баз данных: входы по SSH, команды, запросы. Такие события отправляют с полем "plane":"data".

# Столбцы и поля.
events-date = Дата события
events-severity = Важность
events-action = Действие
events-message = Сообщение
events-source = Источник
events-user = Пользователь
events-resource = Ресурс
events-status = Статус
events-outcome = Результат
outcome-success = успешно
outcome-failure = ошибка
outcome-unknown = неизвестно
events-received-badge = получено
events-received-at = Получено { $time }

# Фильтры.
events-filters = Фильтры
events-time = Период
range-15m = Последние 15 минут
range-1h = Последний час
range-24h = Последние 24 часа
range-7d = Последние 7 дней
range-30d = Последние 30 дней
range-all = За всё время
events-since = С { $time }
events-until = До { $time }
events-from = С
events-to = До
events-in-zone = Часовой пояс: { $zone }
events-apply = Применить
events-clear = Сбросить фильтры
events-wrong-time = «{ $text }» — не дата и время. Укажите в виде 2026-11-22 14:30.
events-wrong-end = Конец периода должен быть позже начала.
events-wrong-value = Значения «{ $text }» здесь нет, оно не учтено.

# Порядок и страницы.
events-newest-first = По порядку регистрации. Показать сначала новые
events-oldest-first = По порядку регистрации. Показать сначала старые
events-pages = Страницы
events-newest = К новым
events-oldest = К старым
events-newer = Новее
events-older = Старее
events-found = { $n ->
    [one] На этой странице { $count } событие
    [few] На этой странице { $count } события
   *[many] На этой странице { $count } событий
}
events-partial = Поиск остановлен через { $seconds } с, просмотрено не всё. Следующая страница его продолжит; чем короче период, тем быстрее.
events-unreadable = События { $from }–{ $to } здесь не показаны: их файл { $segment } повреждён или отсутствует. Причина — в журнале работы сервиса; все остальные события показаны.

# Поток событий.
events-live = В реальном времени
events-live-help = Новые события появляются сверху. Период не учитывается.
events-live-reloads = Страница обновляется каждые 2 секунды.
events-live-waiting = Ожидаем события…
events-live-paused = Приостановлено
events-live-lost = Связь потеряна, подключаемся снова…
events-live-pause = Пауза
events-live-resume = Продолжить
events-live-leave = Остановить
events-live-said = Новых событий: { $count }
events-more = { $n ->
    [one] Ещё { $count } событие здесь не показано
    [few] Ещё { $count } события здесь не показаны
   *[many] Ещё { $count } событий здесь не показаны
}

# Выгрузка.
events-download = Скачать
events-download-list = TSV, до 1000 строк
events-download-help = В этом порядке и с этими фильтрами. Выгрузка записывается в журнал событий.
events-download-cut = Список длиннее: в этом файле только его первые 1000 строк.
events-export = Всё найденное одним файлом:
events-export-raw = Оставить ячейки как есть
events-export-raw-help = В CSV и TSV перед содержимым ячеек, которое табличный редактор выполнил бы как формулу, ставится апостроф. JSON Lines и Parquet всегда точны.
events-download-begun = Файл со списком формируется, не больше первых 1000 строк. Браузер показывает его среди загрузок.
events-export-begun = Файл формируется: { $count }. Ход выгрузки браузер показывает среди загрузок.
events-export-begun-uncounted = Файл формируется. Ход выгрузки браузер показывает среди загрузок.
events-export-begun-ends = Файл полон, если загрузка завершилась сама. Если она оборвётся, браузер сообщит об ошибке, а событие «export-end» в этом журнале назовёт причину.
events-export-told = Каждая выгрузка записывается в журнал событий.

# Показывать нечего.
events-first-title = Событий пока нет
events-first-text = Сервисы отправляют события одним HTTP-запросом. Отправьте первое из терминала:
events-first-token = Токен оператора лежит в папке данных, в файле
events-first-waiting = Ожидаем первое событие. Оно появится здесь само.
events-first-reload = После отправки обновите страницу.
events-copy = Копировать
events-copied = Скопировано
events-nothing-filtered = Нет событий, подходящих под фильтры
events-nothing-ranged = За этот период событий нет
events-nothing-range = Период: { $range }
events-nothing-data = Событий уровня данных пока нет
events-nothing-control = Событий уровня управления пока нет
events-all-time = Показать за всё время
events-to-control = К уровню управления
events-to-data = К уровню данных

# Одно событие.
events-event = Событие { $seq }
events-neighbours = Соседние события
events-previous = Предыдущее
events-next = Следующее
events-open-page = Открыть на странице
events-close = Закрыть
events-group-event = Событие
events-group-who = Кто
events-group-what = Объект
events-group-status = Статус
events-received = Получено
events-late = отличается от даты события
events-source-address = Адрес источника
events-plane = Уровень
events-labels = Метки
events-seq = Номер в журнале
events-event-id = ID события
events-request-id = ID запроса
events-user-id = ID пользователя
events-address = Адрес
events-project-id = ID проекта
events-resource-type = Тип ресурса
events-resource-id = ID ресурса
events-status-code = Код статуса
events-status-message = Сообщение статуса
events-json = JSON
