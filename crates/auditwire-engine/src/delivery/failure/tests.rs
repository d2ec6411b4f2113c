use rustls::AlertDescription;

use super::*;

#[test]
fn every_code_but_ok_says_what_to_do() {
    for code in CODES {
        assert_eq!(LinkFailure::new(code, "").remedy.is_empty(), code == "ok", "{code}");
    }
    let mut unique = CODES.to_vec();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), CODES.len());
}

#[test]
fn connects_are_told_apart() {
    let code = |errno| LinkFailure::from_connect(&io::Error::from_raw_os_error(errno)).code;
    assert_eq!(code(libc::ECONNREFUSED), "connect_refused");
    assert_eq!(code(libc::ETIMEDOUT), "connect_timeout");
    for errno in [libc::EHOSTUNREACH, libc::ENETUNREACH, libc::EADDRNOTAVAIL] {
        assert_eq!(code(errno), "host_unreachable");
    }
    assert_eq!(code(libc::EACCES), "not_permitted");
}

#[test]
fn breaks_are_told_apart() {
    let code = |kind: io::ErrorKind| LinkFailure::from_io(&kind.into()).code;
    assert_eq!(code(io::ErrorKind::ConnectionReset), "reset_after_message");
    assert_eq!(code(io::ErrorKind::BrokenPipe), "closed_after_message");
    assert_eq!(code(io::ErrorKind::UnexpectedEof), "closed_after_message");
    assert_eq!(code(io::ErrorKind::TimedOut), "not_acknowledged");
    assert_eq!(code(io::ErrorKind::ConnectionRefused), "udp_port_closed");
    let wrapped = io::Error::other(rustls::Error::AlertReceived(AlertDescription::ProtocolVersion));
    assert_eq!(LinkFailure::from_io(&wrapped).code, "tls_version");
}

#[test]
fn the_same_alert_means_required_or_refused_by_what_was_presented() {
    let none = ClientAuth { requested: true, presented: false, expired: false };
    let ours = ClientAuth { requested: true, presented: true, expired: false };
    let stale = ClientAuth { requested: true, presented: true, expired: true };
    let code = |alert, auth| LinkFailure::from_tls(&rustls::Error::AlertReceived(alert), auth).code;
    for alert in
        [AlertDescription::CertificateRequired, AlertDescription::BadCertificate, AlertDescription::HandshakeFailure]
    {
        assert_eq!(code(alert, none), "client_cert_required");
        assert_eq!(code(alert, ours), "client_cert_refused");
        assert_eq!(code(alert, stale), "client_cert_expired");
    }
    assert_eq!(code(AlertDescription::CertificateExpired, ours), "client_cert_expired");
    assert_eq!(code(AlertDescription::HandshakeFailure, ClientAuth::default()), "tls_cipher");
}
