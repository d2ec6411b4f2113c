# Строка поиска и пояснения к запросу.
events-search = Найти
events-search-label = Поиск в журнале событий
events-search-hint = Любой текст или поле: severity >= ERROR and source.id = iam
events-wrong-query = Запрос не удалось прочитать
events-wrong-query-help = События появятся, когда запрос будет исправлен. Место ошибки отмечено под строкой поиска.
events-as-query = В виде запроса
events-as-query-help = Перенести выбранные фильтры в строку поиска
query-place = Запрос с отмеченным местом ошибки
query-expected = Ожидалось:
query-did-you-mean = Возможно, вы имели в виду
query-hint-or = Оба значения сразу? Условия подряд соединяются через AND. Любое из них:
query-completions = Подсказки
query-the-end = конец запроса
query-a-blank = пробел
query-a-value = значение
query-a-parameter = параметр
query-a-metadata-key = ключ метаданных
query-a-whole-number = целое число

# Фильтры с подсчитанными значениями.
events-no-values = Здесь не из чего выбрать.
events-values-partial = Подсчитано не всё: значений может быть больше.
events-another = Другое значение: { $name }
events-another-value = Другое значение

# Над таблицей.
events-count = { $n ->
    [one] { $count } событие
    [few] { $count } события
   *[many] { $count } событий
}
events-count-partial = { $n ->
    [one] Не меньше { $count } события: подсчитано не всё
   *[many] Не меньше { $count } событий: подсчитано не всё
}
events-counting = Считаем…
events-count-failed = Сейчас не удалось посчитать события.
events-show-counts = Показать количество и гистограмму
events-histogram = События во времени
events-histogram-failed = Сейчас не удалось построить гистограмму.
events-histogram-partial = не все события
events-later = { $n ->
    [one] { $count } событие с датой позже текущей
    [few] { $count } события с датой позже текущей
   *[many] { $count } событий с датой позже текущей
}
events-later-help = Часы источника спешат. Эти события учтены, но лежат правее последнего столбца.
events-level-error = Ошибки и серьёзнее
events-level-warning = Предупреждения
events-level-info = Сведения и уведомления
events-level-debug = Отладка и без важности
events-again = Повторить

# Ссылки у значений события.
events-only = Только { $term }
events-without = Без { $term }
events-around = 5 минут до и после
