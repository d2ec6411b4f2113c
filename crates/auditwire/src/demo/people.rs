//! Who lives in the demo's cloud.

/// A person or a robot.
pub(super) struct Person {
    /// Account id.
    pub(super) id: &'static str,
    /// Login.
    pub(super) login: &'static str,
    /// Name, in the script it is written in.
    pub(super) name: &'static str,
}

const fn person(id: &'static str, login: &'static str, name: &'static str) -> Person {
    Person { id, login, name }
}

/// Everyone who does something.
pub(super) const PEOPLE: [Person; 12] = [
    person("u-4c1f09", "a.kovaleva", "Анна Ковалёва"),
    person("u-7d20be", "p.sidorov", "Пётр Сидоров"),
    person("u-11ae57", "m.zhukova", "Мария Жукова"),
    person("u-93c0d4", "j.okafor", "Jide Okafor"),
    person("u-2b68fa", "l.nguyen", "Lan Nguyễn"),
    person("u-5fe713", "s.oneill", "Sinéad O'Neill"),
    person("u-a04d92", "k.tanaka", "田中 健"),
    person("u-c7715e", "r.haddad", "Rania Haddad"),
    person("u-e8d3b1", "t.mueller", "Thomas Müller"),
    person("u-f15a6c", "v.orlov", "Виктор Орлов"),
    person("svc-backup", "backup-robot", "backup-robot"),
    person("svc-deploy", "deploy-robot", "deploy=robot|prod"),
];

/// What they use.
pub(super) const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "openstacksdk/4.4.0 keystoneauth1/5.10.0 python-requests/2.32.4 CPython/3.13.2",
    "Terraform/1.12.1",
    "curl/8.14.1",
    "ansible-httpget",
];

/// What machines are called.
pub(super) const MACHINES: [&str; 8] = ["web", "db", "bastion", "ci-runner", "почта", "cache", "queue", "vpn"];
