# Журнал событий → Настройки → Хранение.
retention-tab = Хранение
retention-title = Сколько хранятся события
retention-kept = Срок хранения
retention-size = Объём не больше
retention-floor = Не меньше (минимум оператора)
retention-floor-none = минимум не задан
retention-gone = Удалено по сроку или объёму
retention-gone-none = ничего
retention-gone-events = { $n ->
    [one] { $count } событие
    [few] { $count } события
   *[many] { $count } событий
  }
retention-days = { $n ->
    [one] { $count } день
    [few] { $count } дня
   *[many] { $count } дней
  }
retention-mib = { $size } МиБ
retention-for-ever = Бессрочно
retention-no-limit = Без ограничения объёма
retention-default = Как настроено в сервисе ({ $limit })
retention-days-limit = Столько дней:
retention-days-number = Дни
retention-bytes-limit = Столько МиБ на диске:
retention-bytes-number = МиБ
retention-number = Введите целое число не меньше 1.
retention-help = Увеличение действует сразу. Сокращение откладывается ({ $delay }): до этого его можно отменить здесь, и о нём сообщает оповещение. Удалённые события не возвращаются.
retention-save = Сохранить
retention-pending = Сокращение вступит в силу
retention-cancel = Отменить сокращение
notice-retention-saved = Срок хранения сохранён.
notice-retention-waits = Сокращение отложено. Его можно отменить, пока оно не вступило в силу.
notice-retention-cancelled = Сокращение отменено.
