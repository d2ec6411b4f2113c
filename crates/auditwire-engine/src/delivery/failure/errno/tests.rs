use super::super::CODES;
use super::*;

/// Of the manual pages that the table is made from.
const DOCUMENTED: [i32; 41] = [
    libc::EACCES,
    libc::EPERM,
    libc::EADDRINUSE,
    libc::EADDRNOTAVAIL,
    libc::EAFNOSUPPORT,
    libc::EAGAIN,
    libc::EALREADY,
    libc::EBADF,
    libc::ECONNABORTED,
    libc::ECONNREFUSED,
    libc::ECONNRESET,
    libc::EDESTADDRREQ,
    libc::EFAULT,
    libc::EHOSTDOWN,
    libc::EHOSTUNREACH,
    libc::EINPROGRESS,
    libc::EINTR,
    libc::EINVAL,
    libc::EIO,
    libc::EISCONN,
    libc::EMFILE,
    libc::EMSGSIZE,
    libc::ENETDOWN,
    libc::ENETRESET,
    libc::ENETUNREACH,
    libc::ENFILE,
    libc::ENOBUFS,
    libc::ENODEV,
    libc::ENOMEM,
    libc::ENONET,
    libc::ENOPROTOOPT,
    libc::ENOTCONN,
    libc::ENOTSOCK,
    libc::EOPNOTSUPP,
    libc::EPFNOSUPPORT,
    libc::EPIPE,
    libc::EPROTO,
    libc::EPROTONOSUPPORT,
    libc::EPROTOTYPE,
    libc::ESOCKTNOSUPPORT,
    libc::ETIMEDOUT,
];

#[test]
fn every_error_that_the_manual_knows_has_a_cause_and_a_remedy() {
    for during in [During::Connect, During::Link] {
        for errno in DOCUMENTED {
            let failure = explain(&io::Error::from_raw_os_error(errno), during);
            assert!(!failure.message.contains("number"), "{errno} {during:?}: {failure}");
        }
        for errno in 1..=200 {
            let failure = explain(&io::Error::from_raw_os_error(errno), during);
            assert!(CODES.contains(&failure.code) && failure.code != "ok", "{errno}: {failure}");
            assert!(!failure.message.contains("uncategorized"), "{errno}: {failure}");
            assert!(failure.message.ends_with('.') && !failure.remedy.is_empty(), "{errno}: {failure:?}");
        }
    }
    let odd = explain(&io::Error::other("a library's words"), During::Link);
    assert_eq!(odd.message, "The connection broke: the system gives an error without a number.");
}

#[test]
fn what_this_machine_lacks_is_no_fault_of_the_network() {
    let code = |errno, during| explain(&io::Error::from_raw_os_error(errno), during).code;
    for during in [During::Connect, During::Link] {
        assert_eq!(code(libc::EMFILE, during), "no_descriptors");
        assert_eq!(code(libc::ENFILE, during), "no_descriptors");
        assert_eq!(code(libc::ENOBUFS, during), "no_resources");
        assert_eq!(code(libc::EACCES, during), "not_permitted");
        assert_eq!(code(libc::EMSGSIZE, during), "message_too_long");
    }
}
