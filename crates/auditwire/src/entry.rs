//! The two ways into a service that nobody has entered yet: the operator's API token, and the link to sign in. The service can do
//! its work without either, so that one that cannot be made (the volume is full) is told and does not keep it from starting.

use std::path::Path;

use auditwire_engine::secrets::Secret;
use auditwire_engine::{Engine, tokens};
use zeroize::Zeroizing;

use crate::failure::{Failure, Result};
use crate::keys;
use crate::sign_in::{self, LinkFor};

/// Makes what is missing; answers the link when it is for a person. `base` is where a browser reaches us.
///
/// # Errors
/// When neither could be made, so that nobody could ever get in: a first start on a folder that cannot be written.
pub(crate) async fn make(engine: &Engine, data: &Path, base: &str, link: LinkFor) -> Result<Option<Secret>> {
    let token = operator_token(engine, &data.join("operator.token")).await;
    let link = sign_in::offer(engine, base, data, link).await;
    match (token, link) {
        (Ok(()), Ok(link)) => Ok(link),
        (Err(failure), Err(_)) => Err(failure),
        (Ok(()), Err(failure)) => {
            tracing::warn!(
                "{}; the service goes on without: `auditwire sign-in-link` makes one when that is mended",
                failure.message
            );
            Ok(None)
        }
        (Err(failure), Ok(link)) => {
            tracing::warn!("{}; the service goes on without, the next start tries again", failure.message);
            Ok(link)
        }
    }
}

/// On the first start of all: an API token that may do everything. It can be rotated, and the file may be deleted.
async fn operator_token(engine: &Engine, path: &Path) -> Result {
    let write = |token: &Secret| keys::write_private(path, &Zeroizing::new(format!("{}\n", token.expose_text())));
    let made = tokens::create_operator(engine, write)
        .await
        .map_err(|e| Failure::caused_by(format!("{} cannot be made", path.display()), &e))?;
    if made {
        tracing::info!(path = %path.display(), "made the operator's API token");
    }
    Ok(())
}
