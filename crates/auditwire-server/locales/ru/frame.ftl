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
