//! What is clicked and read, in the languages of the console.

/// Names of things on the pages.
pub(super) struct Words {
    pub(super) create_connection: &'static str,
    pub(super) name: &'static str,
    pub(super) endpoint: &'static str,
    pub(super) raw: &'static str,
    pub(super) cef: &'static str,
    pub(super) create: &'static str,
    pub(super) save_keep: &'static str,
    pub(super) passed: &'static str,
    pub(super) goes_on: &'static str,
    pub(super) from_time: &'static str,
    pub(super) count: &'static str,
    pub(super) activate: &'static str,
    pub(super) keep_inactive: &'static str,
    pub(super) selected: &'static str,
    pub(super) select: &'static str,
    pub(super) actions: &'static str,
    pub(super) configure: &'static str,
    pub(super) start: &'static str,
    pub(super) stop: &'static str,
    pub(super) delete: &'static str,
    pub(super) cancel: &'static str,
    pub(super) delete_two: &'static str,
    pub(super) active_goes: &'static str,
    pub(super) no_connection: &'static str,
    /// Words of the states, as `status` of the API names them.
    pub(super) states: [(&'static str, &'static str); 4],
}

pub(super) const ENGLISH: Words = Words {
    create_connection: "Create connection",
    name: "Name",
    endpoint: "Connection point",
    raw: "RAW (Syslog RFC5424)",
    cef: "CEF (Common Event Format)",
    create: "Create and check",
    save_keep: "Save and keep active",
    passed: "The check passed",
    goes_on: "Continue",
    from_time: "From a time",
    count: "Count",
    activate: "Activate",
    keep_inactive: "Save as inactive",
    selected: "Selected connections",
    select: "Select",
    actions: "Actions for",
    configure: "Configure",
    start: "Start",
    stop: "Stop",
    delete: "Delete",
    cancel: "Cancel",
    delete_two: "Delete 2 connections",
    active_goes: "Active. It is stopped first.",
    no_connection: "No SIEM connection yet",
    states: [("inactive", "inactive"), ("active", "active"), ("degraded", "degraded"), ("failing", "failing")],
};

pub(super) const RUSSIAN: Words = Words {
    create_connection: "Создать подключение",
    name: "Название",
    endpoint: "Адрес подключения",
    raw: "RAW (Syslog RFC5424)",
    cef: "CEF (Common Event Format)",
    create: "Создать и проверить",
    save_keep: "Сохранить и оставить активным",
    passed: "Проверка пройдена",
    goes_on: "Продолжить",
    from_time: "С указанного времени",
    count: "Посчитать",
    activate: "Активировать",
    keep_inactive: "Сохранить неактивным",
    selected: "Выбранные подключения",
    select: "Выбрать",
    actions: "Действия:",
    configure: "Настроить",
    start: "Запустить",
    stop: "Остановить",
    delete: "Удалить",
    cancel: "Отмена",
    delete_two: "Удалить 2 подключения",
    active_goes: "Активно и сначала будет остановлено.",
    no_connection: "Подключений SIEM пока нет",
    states: [("inactive", "неактивно"), ("active", "активно"), ("degraded", "с перебоями"), ("failing", "не работает")],
};

impl Words {
    /// The word of a state.
    pub(super) fn state(&self, state: &str) -> &'static str {
        self.states.iter().find(|(name, _)| *name == state).unwrap().1
    }
}
