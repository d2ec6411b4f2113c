//! Special cases of a code: the code is the same for programs, and what a person must do is not.
//!
//! The codes are fixed, as scripts rely on them; a case only has a remedy of its own, which the console translates by the
//! case's name.

/// A case of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// What should vouch for the server's certificate is not marked as a CA.
    CaNotMarked,
    /// A certificate is signed in a way that is not accepted.
    Signature,
    /// A certificate is not for servers.
    Purpose,
    /// A certificate has a critical extension that is not known.
    Extension,
    /// A CA may not issue this certificate.
    Constraints,
}

impl Case {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::CaNotMarked, Self::Signature, Self::Purpose, Self::Extension, Self::Constraints];

    /// The code that it is a case of.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::CaNotMarked => "cert_unknown_ca",
            Self::Signature | Self::Purpose | Self::Extension | Self::Constraints => "cert_unsupported",
        }
    }

    /// `CODE-case`: what its words are called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CaNotMarked => "cert_unknown_ca-not-marked",
            Self::Signature => "cert_unsupported-signature",
            Self::Purpose => "cert_unsupported-purpose",
            Self::Extension => "cert_unsupported-extension",
            Self::Constraints => "cert_unsupported-constraints",
        }
    }

    /// What to do.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::CaNotMarked => {
                "Issue the CA's certificate anew with the basic constraint CA:TRUE and paste it into the TLS key, or set the verification to 'fingerprint' with the value of the server's certificate."
            }
            Self::Signature => {
                "Let the CA sign with RSA (PKCS #1, or PSS with a salt as long as the hash), ECDSA or Ed25519, and SHA-256 or better. Until then the verification 'fingerprint' accepts exactly this certificate."
            }
            Self::Purpose => {
                "Issue a certificate whose extended key usage includes server authentication (serverAuth), or none at all. Until then the verification 'fingerprint' accepts exactly this certificate."
            }
            Self::Extension => {
                "Issue the certificate without this extension, or without marking it as critical. Until then the verification 'fingerprint' accepts exactly the server's certificate."
            }
            Self::Constraints => {
                "Ask whoever runs the CA for a certificate that it may issue: its own certificate limits the names or the depth of what lies below it. Until then the verification 'fingerprint' accepts exactly the server's certificate."
            }
        }
    }

    /// The case that this remedy belongs to.
    #[must_use]
    pub fn of_remedy(remedy: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|case| case.remedy() == remedy)
    }
}
