# Форма подключения.
form-title-new = Создание подключения
form-title-configure = Настройка подключения
form-by-default = по умолчанию
form-not-used = не используется
form-yes = да
form-no = нет

form-destination = Получатель
form-destination-help = Обязательны только название и адрес подключения. У остальных параметров рабочие значения по умолчанию.
form-destination-configure = Куда и как отправляются события.
form-name = Название
form-name-help = Для списка подключений, например «Основной SIEM». Не повторяется в проекте.
form-receiver = Что на другом конце?
form-receiver-help = Задаёт формат, разделение, оболочку и размер сообщений так, как нужно этому продукту, и показывает, как его настроить. Ниже всё можно изменить.
form-receiver-unsaid = Не выбрано
form-receiver-other = Что-то другое
form-receiver-apply = Задать нужное ему
form-receiver-setup = Как настроить { $name }
form-receiver-file = Из файла contrib/siem/{ $file }, с портом и именем хоста этого подключения.
form-receiver-no-setup = Для этого протокола и формата готовой настройки { $name } нет.
form-endpoint = Адрес подключения
form-endpoint-help = Где SIEM принимает syslog: host:port, IP:port или [IPv6]:port. Обычные порты — 514, для TLS — 6514. Имя в кириллице, например сервер.рф, переводится в запись xn--….
form-transport = Протокол передачи данных
form-tcp = TCP
form-tcp-help = Система получателя подтверждает приём, неподтверждённое отправляется снова. Без шифрования.
form-udp = UDP
form-udp-help = Доставка ничем не подтверждается, потери незаметны. Без шифрования.
form-tls = TCP over TLS
form-tls-help = Как TCP, но с шифрованием и проверкой подлинности получателя.
form-relp = RELP
form-relp-help = Каждое сообщение подтверждает сама программа получателя (imrelp в rsyslog). Без шифрования.
form-relp-tls = RELP over TLS
form-relp-tls-help = Как RELP, но с шифрованием и проверкой подлинности получателя.

form-tls-part = TLS
form-tls-part-help = Кому доверять и чем подтвердить себя.
form-only-tls = Только с TLS.
form-pem = TLS-ключ
form-pem-help = В формате PEM, в любом сочетании: сертификаты УЦ, которыми выдан сертификат получателя, клиентский сертификат с цепочкой и закрытым ключом. Оставьте пустым, чтобы доверять системным УЦ.
form-pem-file = Выбрать файлы…
form-pem-again = Вставьте TLS-ключ ещё раз: он прочитан, но обратно в браузер не отправляется никогда.
form-pem-stored = Сохранённый TLS-ключ
form-pem-replace = Добавить новый ключ
form-pem-remove = Удалить сохранённый ключ
form-key-present = Закрытый ключ: есть, больше не показывается
form-trust-system = Сертификатов УЦ нет: при полной проверке доверие системным удостоверяющим центрам.
form-trust-ca = При полной проверке доверие только получателям, сертификат которых выдан этими УЦ.
form-trust-pinned = При полной проверке доверие только получателю с этим самым сертификатом.
form-trust-both = При полной проверке доверие получателям с закреплённым сертификатом или с сертификатом от этих УЦ.
form-role-ca = УЦ
form-role-ca-help = Получатели, сертификат которых им выдан, считаются доверенными.
form-role-client = клиентский
form-role-client-help = Наш: отправляется, если получатель запрашивает клиентский сертификат.
form-role-pinned = закреплённый
form-role-pinned-help = Сертификат самого получателя: доверие только ему.
form-certificate-issuer = Кем выдан
form-certificate-names = Имена
form-certificate-no-names = нет
form-certificate-valid = Срок действия
form-certificate-ending = истекает { $when }
form-certificate-expired = истёк { $when }
form-certificate-not-yet = начнёт действовать { $when }
form-verify = Проверка получателя
form-verify-full = Полная
form-verify-full-help = Проверяются УЦ, имя и срок действия. Рекомендуется.
form-verify-fingerprint = По отпечатку
form-verify-fingerprint-help = Принимается ровно один сертификат, кем бы он ни был выдан. Для самоподписанных.
form-verify-off = Отключена
form-verify-off-help = Шифрование есть, но ответить может кто угодно. Подключение всегда отмечено как непроверенное.
form-verify-off-confirm = Понимаю, что по пути события может прочитать и изменить кто угодно
form-fingerprint = Отпечаток SHA-256
form-fingerprint-help = Сертификата получателя, 64 шестнадцатеричные цифры: openssl x509 -in cert.pem -noout -fingerprint -sha256
form-server-name = Ожидаемое имя сервера
form-server-name-help = DNS-имя или IP-адрес, который должен быть в сертификате, если он отличается от хоста в адресе подключения.
form-server-name-hint = хост из адреса подключения
form-min-version = Минимальная версия TLS
form-min-version-12 = TLS 1.2
form-min-version-13 = TLS 1.3

form-messages = Сообщения
form-messages-help = Как событие выглядит у получателя.
form-format = Формат сообщений
form-raw = RAW (Syslog RFC5424)
form-raw-help = Стандартное сообщение syslog со всеми полями события в JSON. Для rsyslog, syslog-ng, Splunk, Elastic, Graylog.
form-cef = CEF (Common Event Format)
form-cef-help = Пары «ключ — значение», которые ArcSight, KUMA, QRadar, MaxPatrol SIEM и другие читают без отдельного парсера.
form-leef = LEEF 2.0 (Log Event Extended Format)
form-leef-help = Пары «ключ — значение» IBM для QRadar, который распознаёт их сам.
form-json = JSON
form-json-help = Один объект JSON на сообщение, точный и полный, без заголовка syslog. Для сборщиков, которые читают строки JSON.
form-options = Параметры формата
form-options-default = всё по умолчанию
form-options-changed = { $n ->
    [one] изменён { $count } параметр
    [few] изменено { $count } параметра
   *[other] изменено { $count } параметров
}
form-framing = Разделение сообщений
form-framing-fitting = Автоматически
form-framing-lf = Одно сообщение в строке (LF)
form-framing-counted = Счётчик октетов (RFC 6587)
form-framing-help = Где кончается одно сообщение и начинается другое. Автоматически: счётчик октетов для RAW по TLS, в остальных случаях — по строкам.
form-not-udp = Только для TCP и TCP over TLS.
form-cef-envelope = Оболочка CEF
form-envelope-rfc5424 = Заголовок syslog RFC 5424
form-envelope-bsd = Старый заголовок syslog (RFC 3164)
form-envelope-none = Нет, только CEF
form-cef-envelope-help = Что стоит перед CEF:0. Если SIEM не распознаёт сообщения, попробуйте старый заголовок.
form-only-cef = Только для CEF.
form-not-json = Не для JSON.
form-mapping = Раскладка полей
form-mapping-help = Какое поле под каким ключом и какие у событий идентификаторы. 2 — для новых подключений, 1 — для правил, написанных до появления второй.
form-mapping-old-help = Это подключение отправляет раскладку 1. Раскладка 2 в каждом формате отличает успех от неудачи, даёт каждому действию свой идентификатор, называет проект и целевую учётную запись. Она меняет идентификаторы, категории и ключи: вместе с ней нужно изменить правила SIEM, которые на них опираются.
form-mapping-1 = Раскладка 1, как до сих пор
form-mapping-1-help = Каждое сообщение остаётся прежним, байт в байт.
form-mapping-2 = Раскладка 2
form-mapping-2-help = Действует со следующего сообщения после сохранения. Сначала сравните обе.
form-mapping-compare = Показать обе раскладки
form-mapping-n = Раскладка { $mapping }
form-leef-cat = Категория события (cat)
form-leef-cat-outcome = Источник и результат: iam.failure
form-leef-cat-source = Только источник: iam
form-leef-cat-help = QRadar узнаёт событие по EventID и этой категории: без результата успех и неудача там — одно событие.
form-only-leef = Только для LEEF.
form-structured-data = Структурированные данные
form-structured-data-full = Все поля
form-structured-data-ids = Только то, что называет и нумерует событие
form-structured-data-none = Нет
form-structured-data-help = Поля в заголовке сообщения RAW рядом с JSON, в котором они есть все. Чем их меньше, тем короче сообщение, до половины.
form-message = Текст сообщения
form-message-json = Всё событие в JSON
form-message-text = Только сообщение для людей
form-message-help = Что стоит после заголовка сообщения RAW. С одним текстом метаданные не отправляются.
form-metadata-keys = Метаданные с собственными ключами
form-metadata-keys-help = По одному пути в строке, не больше 16: resource.metadata.КЛЮЧ или subject.metadata.КЛЮЧ. На них смогут опираться правила SIEM.
form-ipv6-in-src = Адреса IPv6 в src и dvc
form-ipv6-in-src-help = В CEF для них другие ключи, c6a2 и c6a1, но многие получатели смотрят в src.
form-facility = Категория syslog (facility)
form-facility-help = По умолчанию { $default }, категория журналов аудита. По ней могут отбирать правила SIEM.
form-hostname = Имя хоста
form-hostname-help = HOSTNAME каждого сообщения. По умолчанию — имя хоста, на котором работает Auditwire.
form-app-name = Имя приложения
form-app-name-help = APP-NAME каждого сообщения, до 48 видимых символов ASCII.
form-max-bytes = Макс. размер сообщения, байт
form-max-bytes-help = От { $min } до { $max }, для UDP до { $udpmax }. По умолчанию { $default }, для UDP { $udp }. В более длинных сообщениях самые длинные значения обрезаются, и это отмечается.
form-pen = Номер организации (PEN)
form-pen-help = Номер в SD-ID audit@номер сообщений RFC 5424. По умолчанию — номер для примеров.
form-heartbeat = Контрольное событие, секунды
form-heartbeat-help = Пока подключение активно, каждые столько секунд отправляется событие siem-heartbeat со счётчиками, независимо от фильтра: правило SIEM-системы заметит, если оно перестанет приходить. От 30 до 86400; пусто: не отправляется.
form-order = После перерыва в связи
form-order-strict = Сначала старые события
form-order-live-first = Сначала новые события, накопленные — параллельно
form-order-help = Сначала новые события: если события ждали больше минуты, всё, что поступает после этого, отправляется по второму соединению, и SIEM-система видит это сразу. В каждом из двух потоков порядок сохраняется.
form-overlap-seconds = Перекрытие по времени, секунды
form-overlap-seconds-help = Для получателей за прокси или балансировщиком, который подтверждает сам: всё, что подтверждено за последние столько секунд, отправляется повторно при каждом обрыве. От 1 до 86400; пусто: не используется.
form-overlap = Повтор после обрыва
form-overlap-help = Сколько из отправленного последним передать ещё раз после обрыва, от { $min } до { $max }. Чем больше, тем надёжнее: повторы SIEM отбрасывает по event_id.
form-bom = Метка порядка байтов (BOM) перед сообщением
form-bom-help = Её для UTF-8 требует RFC 5424, но большинству получателей она мешает, поэтому по умолчанию отключена.

form-filters = Фильтрация
form-filters-help = Какие события проекта отправлять. Из журнала событий ничего не удаляется.
form-filter = Фильтрация сообщений
form-filter-none = Отключена
form-filter-none-help = Отправляются все события.
form-filter-general = Общие фильтры
form-filter-general-help = По статусу и по источнику. Отправляются события, которые прошли оба.
form-filter-query = Фильтр-запрос
form-filter-query-help = По выражению языка поиска. Событие отправляется, если оно подходит под запрос.
form-only-query = Только для фильтра-запроса.
form-query = Запрос
form-query-help = Параметры, операторы и значения — как в строке поиска журнала событий; время указывается датой, а не относительно текущего момента.
form-query-repair = Исправить
form-wrong-no-query = Введите запрос или выберите другой вид фильтрации.
form-only-general = Только для общих фильтров.
form-mode-off = Отключено
form-mode-only = Отправлять только выбранные
form-mode-except = Отправлять все, кроме
form-status = Статус
form-outcome-success = Успех
form-outcome-failure = Ошибка
form-outcome-unknown = Неизвестно
form-status-more = Коды и классы
form-status-more-help = Точные коды, например 403, и классы, например 5xx, через запятую.
form-source = Источник
form-source-names = Источники
form-source-more = Другие источники
form-source-more-help = Имена сервисов, как в столбце «Источник», через запятую.
form-meaning = Как выражение поиска
form-meaning-saved = Составляется при сохранении.
form-everything = Отправляются все события.
form-filter-incomplete = Выберите хотя бы одно значение.
form-query-unwritten = Напишите запрос или соберите его из строк.

# Что сделает фильтр, и строки, из которых складывается запрос.
form-builder = Собрать из строк
form-builder-help = Должны выполняться все строки. Строка без параметра не учитывается.
form-builder-no-rows = Этот запрос сложнее, чем сравнения через AND. Измените его текст.
form-build = Записать запрос
form-row-field = Параметр, строка { $n }
form-row-op = Сравнение, строка { $n }
form-row-value = Значение, строка { $n }
form-op-equal = равно
form-op-not-equal = не равно
form-op-contains = содержит
form-op-greater = больше
form-op-greater-or-equal = не меньше
form-op-less = меньше
form-op-less-or-equal = не больше
form-op-exist = присутствует
form-preview = Предпросмотр
form-preview-help = Считает события за последние 24 часа и показывает последние сообщения. Ничего не отправляется и не сохраняется.
form-preview-sends = { $n ->
    [one] Было бы отправлено { $count } из { $total } событий за последние 24 часа
    [few] Было бы отправлено { $count } из { $total } событий за последние 24 часа
   *[many] Было бы отправлено { $count } из { $total } событий за последние 24 часа
}
form-preview-sends-partial = { $n ->
    [one] Было бы отправлено не меньше { $count } из { $total } событий за последние 24 часа: подсчёт остановлен раньше времени
    [few] Было бы отправлено не меньше { $count } из { $total } событий за последние 24 часа: подсчёт остановлен раньше времени
   *[many] Было бы отправлено не меньше { $count } из { $total } событий за последние 24 часа: подсчёт остановлен раньше времени
}
form-preview-none = Ни одно событие в журнале не подходит, показать нечего.
form-preview-latest = Последние сообщения байт в байт; невидимое показано кодом:
form-preview-bytes = { $n ->
    [one] { $count } байт
    [few] { $count } байта
   *[many] { $count } байт
}
form-preview-truncated = сокращено до предела

form-pace = Темп
form-pace-help = Для получателей, которые не успевают.
form-rate-limit = Событий в секунду
form-rate-limit-help = Пусто: так быстро, как принимает получатель; для UDP — { $udp }.
form-no-limit = без ограничения

form-create = Создать и проверить
form-create-help = Сначала подключение сохраняется неактивным. Проверка отправит одно тестовое сообщение, после неё вы решите, активировать ли его.
form-save-check = Сохранить и проверить
form-save-only = Сохранить
form-save-help = Подключение остаётся неактивным, пока вы его не активируете.
form-save-keep = Сохранить и оставить активным
form-save-inactive = Сохранить неактивным
form-save-active-help = Активное подключение продолжит с новыми настройками с текущего места, без пропусков.
form-cancel = Отмена

form-unreachable = Сервис не отвечает. Введённые данные не потеряны, повторите чуть позже.
form-signed-out = Сеанс завершён. Войдите снова в другой вкладке, вернитесь сюда и отправьте форму: введённые данные не потеряны.
form-stale = Подключение тем временем изменил кто-то другой
form-stale-help = Ваши данные сохранены в форме ниже, но ещё не записаны. Если сохранить ещё раз, они заменят то, что записано сейчас. Различаются поля:
form-stale-same = Ваши данные остались в форме ниже, но ещё не записаны. Записанное сейчас от них не отличается, кроме, возможно, TLS-ключа.
form-stale-field = Поле
form-stale-stored = Записано сейчас
form-stale-entered = Ваши данные
form-stale-discard = Отбросить мои данные и показать записанное
form-stopped-not-saved = Подключение остановлено, но изменения ещё не сохранены.

form-wrong-name = Введите название длиной от 1 до 128 символов.
form-wrong-name-taken = Подключение с таким названием в проекте уже есть. Выберите другое.
form-wrong-values = Выберите или введите хотя бы одно значение. Не больше 256 значений, каждое до 256 байт.
form-wrong-unconfirmed = Подтвердите или выберите другой способ проверки.
form-wrong-pem-expected = TLS-ключ не вставлен ещё раз. Вставьте его или отправьте форму снова, чтобы продолжить без него.
form-wrong-sent-before = Из этой формы подключение уже создано, оно есть в списке. Чтобы создать ещё одно, отправьте форму ещё раз.
form-wrong-needs-mapping-2 = В раскладке 1 этого нет. Выберите раскладку 2 или оставьте значение по умолчанию.
form-wrong-missing = Выберите значение.

notice-connection-created = Подключение { $name } создано. Оно неактивно.
notice-connection-saved = Подключение { $name } сохранено.
notice-connection-saved-inactive = Подключение { $name } сохранено неактивным.
notice-connection-saved-unchecked = Подключение { $name } сохранено. Проверка сейчас не началась: выполняются другие. Запустите её здесь через минуту.
