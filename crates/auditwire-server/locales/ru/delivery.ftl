# Страница подключения и судьба события.
delivery-now = Сейчас
delivery-last-sent = Последнее отправленное
delivery-oldest = Дольше всех ждёт
delivery-last-error = Последняя ошибка
delivery-unmeasured = Не измеряется
delivery-unmeasured-acknowledgement = Эта система не сообщает, что подтвердил получатель. События считаются доставленными через 5 с после отправки, а после обрыва повторно отправляется больше.
delivery-unmeasured-path = Эта система не сообщает состояние пути. Мёртвый путь замечается через минуты, и после каждого завершения часть отправляется повторно.
delivery-went = Как шла доставка
delivery-range = Показанное время
delivery-day = 24 часа
delivery-month = 30 дней
delivery-rate = Скорость
delivery-position = Обработано до события
delivery-age = Возраст самого старого ожидающего события
delivery-backlog = В очереди
delivery-told = От { $least } до { $most }; последнее значение { $now }.
delivery-nothing-known = Данных нет: подключение не отправляло события.
delivery-gap = не отправляло, данных нет
delivery-table = Таблицей
delivery-since = С
delivery-counters = Счётчики
delivery-counter = Счётчик
delivery-ever = Всего
delivery-acknowledged = Подтверждено
delivery-filtered = Отсеяно фильтром
delivery-resent = Отправлено повторно
delivery-bytes = Отправлено байт
delivery-reconnects = Переподключений
delivery-quarantined = В карантин
delivery-unit-b = { $size } Б
delivery-unit-kib = { $size } КиБ
delivery-unit-mib = { $size } МиБ
delivery-unit-gib = { $size } ГиБ
delivery-unit-tib = { $size } ТиБ
delivery-changes = Переподключения и ошибки
delivery-changes-none = За это время состояние не менялось.
delivery-more-changes = { $n ->
    [one] Ещё { $count } изменение не показано.
    [few] Ещё { $count } изменения не показаны.
   *[other] Ещё { $count } изменений не показано.
}
delivery-ended = отправка завершена
delivery-messages = Последние сообщения
delivery-messages-none = Среди последних событий пока нет отправленных сообщений.
delivery-message-of = Сообщение события { $seq }
delivery-as-sent = как отправлено
delivery-as-now = как было бы отправлено сейчас

delivered-title = Доставка
delivered-none = Ни одно подключение SIEM не было активно.
delivered-acknowledged = подтверждено
delivered-sent = отправлено
delivered-filtered = отсеяно фильтром
delivered-quarantined = в карантине
delivered-unknown = неизвестно
delivered-waiting = ждёт
delivered-stopped = не отправлено
delivered-skipped = пропущено
delivered-between = между { $from } и { $to }
delivered-by-replay = ещё раз, повторной отправкой { $id }
delivered-before = { $n ->
    [0] Оно следующее: отправлено или вот-вот будет, но ещё не подтверждено.
    [one] Перед ним { $count } событие.
    [few] Перед ним { $count } события.
   *[other] Перед ним { $count } событий.
}
delivered-stopped-help = Подключение остановлено до этого события. Оно продолжит отсюда, если запустить его с позиции «Продолжить».
delivered-skipped-help = Подключение запущено с более поздней позиции.
delivered-filter-forgotten = Подтверждено или отсеяно: фильтр того времени уже неизвестен.
delivered-quarantine-cleared = Подтверждено или помещено в карантин: записи того времени убрали из карантина.
delivered-before-history = Это было раньше, чем начинается сохранённая история доставки.
delivered-revision = версия { $revision }
delivered-deleted = удалено
