//! What the verifier's refusals mean. The libraries' own texts are for programmers: they list numbers of algorithms and names of
//! types. Here each refusal becomes a sentence, with the certificate that it is about where that can be told.

use rustls::{CertificateError, OtherError};

use super::problem::CertProblem;
use crate::delivery::failure::Case;
use crate::delivery::tls::certificate::Certificate;

const CODE: &str = "cert_unsupported";

/// What is wrong, with one of the certificates that the server `shown`, its own first.
pub(super) fn problem(error: &CertificateError, shown: &[Certificate]) -> CertProblem {
    use CertificateError as C;
    match error {
        C::BadEncoding => malformed(),
        C::UnhandledCriticalExtension => extension(shown),
        C::UnsupportedSignatureAlgorithmContext { signature_algorithm_id, .. } => {
            // The identifier as in the certificate: tag and length of the OID, the OID, its parameters.
            let id = signature_algorithm_id.get(2..).unwrap_or_default();
            signature(shown.iter().find(|c| id.starts_with(&c.signature.id)))
        }
        C::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => CertProblem::in_case(
            Case::Signature,
            "A certificate of the server's chain is signed with a method that does not fit the key of the CA that it names.",
        ),
        C::InvalidPurpose | C::InvalidPurposeContext { .. } => CertProblem::in_case(
            Case::Purpose,
            "The server's certificate is not for servers: its extended key usage lists other purposes only.",
        ),
        C::Expired | C::ExpiredContext { .. } => {
            CertProblem::new("cert_expired", "The server's certificate has expired.")
        }
        C::NotValidYet | C::NotValidYetContext { .. } => {
            CertProblem::new("cert_not_yet_valid", "The server's certificate is not valid yet.")
        }
        C::UnknownIssuer | C::BadSignature => {
            CertProblem::new("cert_unknown_ca", "No CA that is trusted vouches for the server's certificate.")
        }
        C::NotValidForName | C::NotValidForNameContext { .. } => {
            CertProblem::new("cert_wrong_name", "The server's certificate is for other names.")
        }
        C::Revoked => CertProblem::new(CODE, "The server's certificate was revoked."),
        C::Other(OtherError(inner)) => inner.downcast_ref().map_or_else(unnamed, |error| of_path(error, shown)),
        #[expect(deprecated, reason = "the library may still give the older form")]
        C::UnsupportedSignatureAlgorithm => signature(None),
        _ => unnamed(),
    }
}

/// Refused, and nobody can tell why in words.
pub(super) fn unnamed() -> CertProblem {
    CertProblem::new(CODE, "The server's certificate does not keep the rules for X.509 certificates (RFC 5280).")
}

/// What is wrong with the way from the server's certificate to a CA.
fn of_path(error: &webpki::Error, shown: &[Certificate]) -> CertProblem {
    use webpki::Error as E;
    match error {
        E::UnsupportedCertVersion => {
            CertProblem::new(CODE, "A certificate of the server's chain is not of X.509 version 3.")
        }
        E::UnsupportedCriticalExtension => extension(shown),
        E::EndEntityUsedAsCa => not_a_ca(shown),
        E::EmptyEkuExtension => CertProblem::in_case(
            Case::Purpose,
            "The server's certificate says that it has no purpose at all (extended key usage).",
        ),
        E::NameConstraintViolation => CertProblem::in_case(
            Case::Constraints,
            "A CA of the server's chain may not issue certificates for these names (name constraints).",
        ),
        E::PathLenConstraintViolated => CertProblem::in_case(
            Case::Constraints,
            "A CA of the server's chain may not have so many CAs below it (path length constraint).",
        ),
        E::MaximumPathDepthExceeded | E::MaximumPathBuildCallsExceeded | E::MaximumSignatureChecksExceeded => {
            CertProblem::new(CODE, "The server sent a chain of certificates that is too long or too tangled to follow.")
        }
        E::MaximumNameConstraintComparisonsExceeded => {
            CertProblem::new(CODE, "The CAs of the server's chain have more name constraints than are compared.")
        }
        E::SignatureAlgorithmMismatch => {
            CertProblem::new(CODE, "A certificate of the server's chain names two different methods of its signature.")
        }
        _ => malformed(),
    }
}

fn malformed() -> CertProblem {
    CertProblem::new(CODE, "A certificate that the server sent is not built as X.509 certificates must be (RFC 5280).")
}

fn signature(at: Option<&Certificate>) -> CertProblem {
    let message = match at {
        Some(found) => format!(
            "The certificate of '{}' is signed with {}, which is not accepted.",
            found.subject_text(),
            found.signature.name
        ),
        None => "A certificate of the server's chain is signed in a way that is not accepted.".to_owned(),
    };
    CertProblem::in_case(Case::Signature, message)
}

fn extension(shown: &[Certificate]) -> CertProblem {
    let found = shown.iter().find_map(|c| Some((c, c.unknown_critical.first()?)));
    let message = match found {
        Some((certificate, id)) => format!(
            "The certificate of '{}' has the extension {id}, marked as critical, which Auditwire does not know.",
            certificate.subject_text()
        ),
        None => {
            "A certificate of the server's chain has an extension, marked as critical, which Auditwire does not know."
                .to_owned()
        }
    };
    CertProblem::in_case(Case::Extension, message)
}

/// The server sent the certificate of its issuer, and that one is not a CA's.
fn not_a_ca(shown: &[Certificate]) -> CertProblem {
    let meant = shown.iter().skip(1).find(|c| !c.is_ca).map(|c| format!(" ('{}')", c.subject_text()));
    let message = format!(
        "A certificate between the server's and its CA{} is not marked as a CA (basic constraints).",
        meant.unwrap_or_default()
    );
    CertProblem::in_case(Case::CaNotMarked, message)
}
