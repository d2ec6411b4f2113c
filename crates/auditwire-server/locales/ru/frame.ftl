# Рамка страниц, время и ошибки.
frame-skip = Перейти к содержимому
frame-project = Проект:
frame-all-projects = Все проекты
frame-more-projects = Другие проекты
frame-keys-beside-data = Ключи, которыми зашифрованы сохранённые TLS-ключи, лежат в папке данных рядом с ними. Кто скопирует папку, прочтёт и то и другое. Чтобы хранить их отдельно, задайте AUDITWIRE_KEYS.
frame-projects = Проекты
frame-account = Учётная запись:
frame-account-settings = Настройки учётной записи
frame-sign-out = Выйти
frame-navigation = Разделы
frame-monitoring = Мониторинг
frame-event-log = Журнал событий
frame-settings = Настройки

alert-delivery-degraded = События не доходят до SIEM-системы как должны
alert-delivery-degraded-remedy = Пока журнал их хранит, ничего не потеряно. Посмотрите, что не так с подключением.
alert-backlog-near-retention = События будут удалены из журнала раньше, чем их получит SIEM-система
alert-backlog-near-retention-remedy = Восстановите подключение или увеличьте срок хранения событий.
alert-certificate-expiring = Сертификат подключения SIEM скоро истечёт или уже истёк
alert-certificate-expiring-remedy = Обновите его заранее: после этого события доставляться не будут.
alert-retention-reduction = История этого проекта будет сокращена
alert-retention-reduction-remedy = Если никто из вас этого не хотел, отмените сокращение: удалённые события не возвращаются.
alert-project-quota = Проект исчерпал квоту на отправку или хранение событий
alert-project-quota-remedy = Пока место не освободится, его события не принимаются. Выясните, кто отправляет так много, или попросите оператора увеличить квоту.
alert-open = Открыть подключение
alert-open-retention = Открыть хранение
alert-open-alerts = Открыть оповещения
alert-token-expiring = Срок API-токена скоро закончится или закончился, хотя по нему приходили события
alert-token-expiring-remedy = Выпустите для него новый секрет заранее и передайте его: после этого запросы с токеном будут отклоняться.
alert-more = { $n ->
    [one] Ещё { $count } оповещение этого проекта.
    [few] Ещё { $count } оповещения этого проекта.
   *[other] Ещё { $count } оповещений этого проекта.
}

time-now = сейчас
time-ago-seconds = { $count } с назад
time-ago-minutes = { $count } мин назад
time-ago-hours = { $count } ч назад
time-ago-days = { $count } дн. назад
time-in-seconds = через { $count } с
time-in-minutes = через { $count } мин
time-in-hours = через { $count } ч
time-in-days = через { $count } дн.
time-span-seconds = { $count } с
time-span-minutes = { $count } мин
time-span-hours = { $count } ч
time-span-days = { $count } дн.
time-for-seconds = уже { $count } с
time-for-minutes = уже { $count } мин
time-for-hours = уже { $count } ч
time-for-days = уже { $count } дн.

failure = Что-то пошло не так
failure-400 = Запрос непонятен
failure-403 = Это действие запрещено
failure-404 = Здесь ничего нет
failure-409 = Это противоречит текущему состоянию
failure-412 = Объект изменён кем-то другим
failure-413 = Слишком большой объём данных
failure-429 = Слишком часто
failure-500 = Обнаружена внутренняя ошибка
failure-events_unreadable = Часть журнала событий прочитать нельзя
failure-503 = Сейчас недоступно
failure-code = Код ошибки:
failure-back = В начало
failure-back-list = Назад к списку

error-form_refused = Форма отправлена не со страницы этого сервиса или страница устарела. Откройте её заново и повторите.
error-not_found = По этому адресу ничего нет.
error-project_not_found = Такого проекта нет, или он вам не принадлежит.
error-internal = Обнаружена внутренняя ошибка. Подробности — в журнале сервиса.

# Неполадки самого сервиса (docs/operations.md).
trouble-storage-gone = Папка данных сервиса пропала: удалена, отмонтирована или закрыта другим томом
trouble-storage-gone-remedy = Подключите её том снова и запустите сервис.
trouble-store-damaged = Хранилище повреждено, запись в него остановлена
trouble-store-damaged-remedy = Остановите сервис, извлеките читаемое командой auditwire store rescue и проверьте диск.
trouble-commits-failing = Последняя запись в хранилище не удалась
trouble-commits-failing-remedy = Посмотрите журнал сервиса и системный журнал диска. Отправители повторяют попытки и ничего не теряют.
trouble-storage-full = Том заполнен, события не принимаются
trouble-storage-full-remedy = Освободите место. Отправители повторяют попытки и ничего не теряют.
trouble-reserve-missing = Нет места для резерва, который позволяет сервису работать на заполненном томе
trouble-reserve-missing-remedy = Освободите место на томе или уменьшите резерв.
trouble-clock-ahead = Время получения событий опережает часы сервера
trouble-clock-ahead-remedy = Исправьте часы. Если они уже верны, подтвердите это командой auditwire clock accept.
trouble-upkeep-stalled = Упаковка, слияние и удаление по сроку не завершаются
trouble-upkeep-stalled-remedy = Причина указана в журнале сервиса.
trouble-delivery-stalled = Управление отправкой в SIEM не отвечает
trouble-delivery-stalled-remedy = Причина указана в журнале сервиса.
trouble-segments-missing = Файлы упакованных событий отсутствуют; поиск указывает, какие события нельзя прочитать
trouble-segments-missing-remedy = Верните их из резервной копии: имена покажет auditwire store inspect.
trouble-files-unaccounted = Найдены и отложены файлы событий, о которых хранилище ничего не знает
trouble-files-unaccounted-remedy = Изучите их командой auditwire store inspect, затем примите (adopt) или удалите (discard).
trouble-expiry-held = Часы ушли вперёд дальше, чем прошло времени; события, срок которых из-за этого истёк бы, сохранены
trouble-expiry-held-remedy = Исправьте часы. Если они уже верны, подтвердите это командой auditwire clock accept.
