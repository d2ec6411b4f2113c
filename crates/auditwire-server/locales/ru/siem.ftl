# Журнал событий → Настройки → SIEM: список и действия в нём.
siem-title = Настройки журнала событий
siem-tabs = Разделы настроек журнала событий
siem-tab = SIEM

siem-create = Создать подключение
siem-configure = Настроить
siem-start = Запустить
siem-stop = Остановить
siem-check = Проверить
siem-replay = Повторная отправка
siem-quarantine = Карантин
siem-delete = Удалить
siem-cancel = Отмена

siem-empty = Подключений SIEM пока нет
siem-empty-text = Подключение передаёт события проекта в вашу SIEM-систему по мере поступления и повторяет отправку, пока она их не примет.
siem-only-one = Активно только одно подключение: при запуске другого оно останавливается.
siem-selected = Выбранные подключения
siem-select = Выбрать { $name }
siem-select-all = Выбрать все
siem-actions = Действия: { $name }
siem-hint-none = Выберите подключения в списке.
siem-hint-count = Выбрано:
siem-hint-start-one = Запустить можно только одно.
siem-hint-start-active = Оно уже активно.
siem-hint-stop = Активных среди них нет.

siem-status = Состояние
siem-name = Название
siem-endpoint = Адрес подключения
siem-transport = Протокол
siem-format = Формат
siem-filter = Фильтр
siem-acknowledged = Подтверждено
siem-acknowledged-event = Событие { $name }
siem-sent = отправлено
siem-backlog = В очереди
siem-backlog-help = События, которые подключение ещё не обработало, без учёта фильтра.
siem-rate = Скорость
siem-rate-value = { $rate }/с
siem-menu = Действия
siem-all-events = Все события
siem-unverified = без проверки
siem-unverified-help = Сертификат SIEM-системы не проверяется: события может прочитать любой, кто окажется на пути.
siem-never-started = не запускалось

siem-trouble-degraded = { $name } работает с перебоями: { $cause }
siem-trouble-failing = { $name } не работает: { $cause }
siem-trouble-open = Открыть проверку

status-inactive = неактивно
status-active = активно
status-degraded = с перебоями
status-failing = не работает

transport-tcp = TCP
transport-udp = UDP
transport-tls = TCP over TLS
transport-relp = RELP
transport-relp_tls = RELP over TLS

notice-siem-start-one = Ничего не запущено: выберите ровно одно подключение.
notice-siem-active-already = Подключение { $name } уже активно.
notice-siem-stopped = Подключение { $name } остановлено. События ждут в журнале, пока не будет запущено какое-нибудь подключение.
notice-siem-none-active = Ничего не остановлено: среди выбранных подключений нет активного.
notice-siem-delete-none = Ничего не удалено: сначала выберите подключения.
notice-siem-gone = Ничего не удалено: выбранных подключений уже нет.
notice-siem-deleted = { $n ->
    [1] Подключение удалено: { $name }.
    [one] Удалено { $count } подключение: { $name }.
    [few] Удалено { $count } подключения: { $name }.
   *[other] Удалено { $count } подключений: { $name }.
}
notice-siem-deleted-gone = { $n ->
    [1] Подключение удалено: { $name }. Остальных выбранных уже не было.
    [one] Удалено { $count } подключение: { $name }. Остальных выбранных уже не было.
    [few] Удалено { $count } подключения: { $name }. Остальных выбранных уже не было.
   *[other] Удалено { $count } подключений: { $name }. Остальных выбранных уже не было.
}

delete-title = { $n ->
    [1] Удалить подключение?
    [one] Удалить { $count } подключение?
    [few] Удалить { $count } подключения?
   *[other] Удалить { $count } подключений?
}
delete-text = Настройки и ключи будут удалены безвозвратно. События останутся в журнале.
delete-active = Активно и сначала будет остановлено.
delete-active-waiting = { $n ->
    [one] Активно и сначала будет остановлено. { $count } событие из журнала ещё не отправлено; другое подключение может продолжить с этого места.
    [few] Активно и сначала будет остановлено. { $count } события из журнала ещё не отправлены; другое подключение может продолжить с этого места.
   *[other] Активно и сначала будет остановлено. { $count } событий из журнала ещё не отправлены; другое подключение может продолжить с этого места.
}
delete-gone = Некоторых из выбранных подключений уже нет.
delete-button = { $n ->
    [1] Удалить подключение
    [one] Удалить { $count } подключение
    [few] Удалить { $count } подключения
   *[other] Удалить { $count } подключений
}

quarantine-title = Карантин
quarantine-help = События, которые не помещаются в сообщение при настройках этого подключения, откладываются; остальные отправляются дальше. Увеличьте максимальный размер сообщения и отправьте их ещё раз: отправленные исчезнут из списка. Сами события остаются в журнале.
quarantine-empty = В карантине ничего нет.
quarantine-total = { $n ->
    [one] { $count } событие.
    [few] { $count } события.
    [many] { $count } событий.
   *[other] { $count } события.
}
quarantine-dropped = { $n ->
    [one] { $count } старая запись вытеснена новыми.
    [few] { $count } старые записи вытеснены новыми.
    [many] { $count } старых записей вытеснено новыми.
   *[other] { $count } старой записи вытеснено новыми.
}
quarantine-resend = Отправить выбранные ещё раз
quarantine-resend-all = Отправить все ещё раз
quarantine-going = отправляется ещё раз
notice-quarantine-resend-none = Ничего не отправлено: сначала выберите события.
notice-quarantine-resend-inactive = Ничего не отправлено: подключение неактивно. Сначала запустите его.
notice-quarantine-resend-running = Ничего не отправлено: в проекте уже идёт повторная отправка.
quarantine-clear = Убрать выбранные из списка
quarantine-clear-all = Убрать все из списка
quarantine-selection = Выбор
quarantine-select = Выбрать событие { $seq }
quarantine-seq = Событие
quarantine-at = Отложено
quarantine-action = Действие
quarantine-reason = Причина
quarantine-gone = уже нет в журнале
quarantine-pages = Страницы
quarantine-newest = Новейшие
quarantine-older = Более старые
notice-quarantine-none = Ничего не убрано: сначала выберите события.
notice-quarantine-cleared = { $n ->
    [one] { $count } событие убрано из списка.
    [few] { $count } события убраны из списка.
    [many] { $count } событий убрано из списка.
   *[other] { $count } события убрано из списка.
}
