//! Variables of the environment that begin as settings do and are none: those that other parts of the program read, those
//! that others write, and slips. A slip that is passed over in silence is a setting that does not hold.

use super::raw::distance;

/// What the verbs that ask a service read, and where `serve` finds its keys.
const OTHERS: [&str; 5] = ["CA", "KEYS", "PROJECT", "TOKEN", "URL"];

/// Something else reads this variable, or wrote it for somebody else. `rest` is what follows `AUDITWIRE_`.
pub(super) fn is_no_setting(rest: &str, value: &str) -> bool {
    OTHERS.contains(&rest) || rest.starts_with("TEST_") || is_of_a_cluster(rest, value)
}

/// Kubernetes tells every pod of the services beside it, in the variables of Docker's links: those of a service named
/// `auditwire` or `auditwire-…` begin as ours do (kubernetes.io, "Service", "Environment variables").
fn is_of_a_cluster(rest: &str, value: &str) -> bool {
    let ends = |tail: &str| rest == tail || rest.strip_suffix(tail).is_some_and(|head| head.ends_with('_'));
    let protocols = ["tcp", "udp", "sctp"];
    // A port of ours would be a number.
    let is_address = value.split_once("://").is_some_and(|(scheme, _)| protocols.contains(&scheme));
    let names_protocol = || {
        let mut words = rest.split('_').rev().skip_while(|word| ["ADDR", "PORT", "PROTO"].contains(word));
        let protocol = words.next().is_some_and(|word| protocols.iter().any(|p| word.eq_ignore_ascii_case(p)));
        let number = words.next().is_some_and(|word| word.parse::<u16>().is_ok());
        protocol && number && words.next() == Some("PORT")
    };
    ends("SERVICE_HOST")
        || ends("SERVICE_PORT")
        || rest.starts_with("SERVICE_PORT_")
        || rest.contains("_SERVICE_PORT_")
        || (ends("PORT") && is_address)
        || names_protocol()
}

/// Which name was meant, when one is near.
pub(super) fn hint<'k>(rest: &str, settings: impl Iterator<Item = &'k (String, String)>) -> String {
    let settings = settings.map(|(section, key)| format!("{section}__{key}").to_uppercase());
    let known = settings.chain(OTHERS.map(str::to_owned));
    let near = known.map(|name| (distance(&rest.to_uppercase(), &name), name)).min();
    match near {
        Some((distance, name)) if distance <= 2.max(rest.len() / 3) && distance < rest.len() => {
            format!("; did you mean AUDITWIRE_{name}?")
        }
        _ => "; a setting is AUDITWIRE_<SECTION>__<KEY>, with two underscores between the two".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_says_of_services_named_as_we_are_is_not_for_us() {
        let told = [
            ("SERVICE_HOST", "10.0.0.11"),
            ("SERVICE_PORT", "8514"),
            ("SERVICE_PORT_HTTP", "8514"),
            ("PORT", "tcp://10.0.0.11:8514"),
            ("PORT_8514_TCP", "tcp://10.0.0.11:8514"),
            ("PORT_8514_TCP_PROTO", "tcp"),
            ("PORT_8514_TCP_PORT", "8514"),
            ("PORT_514_UDP_ADDR", "10.0.0.11"),
            ("INTAKE_SERVICE_HOST", "10.0.0.12"),
            ("INTAKE_SERVICE_PORT_SYSLOG", "514"),
            ("INTAKE_PORT", "udp://10.0.0.12:514"),
            ("INTAKE_PORT_514_UDP", "udp://10.0.0.12:514"),
        ];
        for (name, value) in told {
            assert!(is_no_setting(name, value), "{name}={value}");
        }
        for (name, value) in [("PORT", "8514"), ("SERVER_PORT", "8514"), ("SERVER_LISTEN", "tcp://x"), ("TCP", "1")] {
            assert!(!is_no_setting(name, value), "{name}={value}");
        }
    }
}
