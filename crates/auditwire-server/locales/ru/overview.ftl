# Подключения всех проектов.
overview-title = Все подключения SIEM
overview-nav = Подключения SIEM
overview-empty-text = Подключения создаются в настройках журнала событий каждого проекта.
overview-all = Все
overview-failing = Не работают
overview-degraded = С перебоями
overview-active = Активны
overview-inactive = Неактивны
overview-connection = Подключение и проект
overview-text = Подключение, адрес или проект
overview-find = Найти
overview-clear = Очистить
overview-found = { $n ->
    [one] { $count } подключение
    [few] { $count } подключения
   *[other] { $count } подключений
}
overview-none = Таких подключений нет.
overview-show-all = Показать все
overview-first = К началу
overview-next = Дальше
