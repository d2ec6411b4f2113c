# Повторная отправка части журнала.
replay-title = Повторная отправка: { $name }
replay-help = Часть журнала отправляется ещё раз по отдельному соединению. Текущей доставке это не мешает.
replay-inactive = Подключение неактивно
replay-inactive-text = Повторить отправку можно только для активного подключения. Сначала запустите его; то, что накопилось за время остановки, оно отправит само.
replay-to-list = К списку подключений
replay-under-way = Повторная отправка уже идёт
replay-under-way-text = В проекте возможна только одна одновременно.
replay-open = Открыть
replay-what = Что отправить ещё раз
replay-range = Период
replay-range-help = По дате события.
replay-range-quarantine = Из карантина
replay-between = Указать начало и конец…
replay-between-times = Начало и конец периода
replay-no-time = Укажите начало, конец или и то и другое.
replay-query = Запрос
replay-optional = (необязательно)
replay-query-help = На языке строки поиска; время указывается датой, а не относительно текущего момента. Фильтр подключения тоже действует.
replay-rate = Не больше событий в секунду
replay-rate-help = На скорость текущей доставки не влияет.
replay-wrong-rate = Введите число от { $from } до { $to }.
replay-sends = { $n ->
    [one] Будет отправлено { $count } событие. Это займёт около { $span }
    [few] Будет отправлено { $count } события. Это займёт около { $span }
   *[other] Будет отправлено { $count } событий. Это займёт около { $span }
}
replay-sends-least = { $n ->
    [one] Будет отправлено не меньше { $count } события. Это займёт { $span } или дольше
   *[other] Будет отправлено не меньше { $count } событий. Это займёт { $span } или дольше
}
replay-sends-nothing = Подходящих событий нет: отправлять нечего.
replay-uncounted = Когда форма будет заполнена, здесь появится число событий.
replay-start = Начать отправку
replay-past = Повторные отправки этого подключения
replay-past-none = Для этого подключения отправку ещё не повторяли.
replay-id = Идентификатор
replay-begun = Начало
replay-ended = Завершение
replay-sent = Отправлено
replay-of = Всего
replay-at-least = не меньше { $number }

# Одна повторная отправка.
replay-state-title = Повторная отправка { $id }
replay-all = Все повторные отправки подключения
replay-connection-gone = Подключение удалено.
replay-progress = Ход отправки
replay-count = Отправлено событий: { $sent } из { $matched }
replay-left = осталось около { $span }
replay-waits = Ожидает соединения: { $cause }
replay-waits-inactive = Ожидает: подключение неактивно
replay-waits-inactive-remedy = Запустите подключение, и отправка продолжится с того же места.
replay-pace = Скорость
replay-limit = Ограничение
replay-resent = Отправлено дважды после обрывов
replay-unsendable = Не удалось преобразовать в сообщение
replay-mark = В каждом сообщении
replay-last-error = Последняя ошибка
replay-pause = Приостановить
replay-resume = Продолжить
replay-cancel = Отменить отправку
replay-cancel-help = Уже отправленное отозвать нельзя.
status-replay-running = идёт
status-replay-paused = приостановлена
status-replay-done = завершена
status-replay-cancelled = отменена
status-replay-waiting = ожидает
notice-replay-begun = Отправка началась. Она продолжится и тогда, когда вы закроете эту страницу.
notice-replay-over = Эта отправка уже завершена.
