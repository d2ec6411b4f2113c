//! Where sealed secrets lie in the store: the one list of them, for everything that must reach each one.

use auditwire_model::ProjectId;

use super::{Keyring, connection_context};
use crate::alerts::webhook;
use crate::error::{Error, Result};
use crate::records::{Document, Sealed, SecretRecord, WebhookRecord};
use crate::store::{Record, RecordKind, Store};

/// The kinds of documents that hold sealed secrets. A new one goes here and into [`each`].
const KINDS: [RecordKind; 2] = [RecordKind::ConnectionSecret, RecordKind::Webhook];

/// All stored documents that hold sealed secrets.
pub(super) async fn holders(store: &dyn Store) -> Result<Vec<Record>> {
    let mut found = Vec::new();
    for kind in KINDS {
        found.extend(store.records(kind, None).await?);
    }
    Ok(found)
}

/// Shows each sealed secret of a document with its context to `look`, which may put another seal in its place; the
/// document as it is then.
pub(super) fn each(record: &Record, mut look: impl FnMut(&str, &mut Sealed) -> Result<()>) -> Result<Vec<u8>> {
    let project = record.key.project.clone().unwrap_or_else(ProjectId::system);
    match record.key.kind {
        RecordKind::ConnectionSecret => {
            let mut sealed = SecretRecord::decode(record)?.into_current();
            look(&connection_context(&project, &record.key.id), &mut sealed)?;
            SecretRecord::from(sealed).encode()
        }
        RecordKind::Webhook => {
            let mut webhook = WebhookRecord::decode(record)?;
            webhook::each_sealed(&project, &mut webhook, look)?;
            webhook.encode()
        }
        _ => Ok(record.value.clone()),
    }
}

/// Tries to open every stored secret. The answer names what cannot be opened and why; start-up is refused unless it is
/// empty. With an empty keyring it tells whether a new key may be made at all.
///
/// # Errors
/// When the store fails.
pub async fn verify_all(store: &dyn Store, keyring: &Keyring) -> Result<Vec<Error>> {
    let mut failed = Vec::new();
    for record in holders(store).await? {
        let mut unopened = Vec::new();
        let read = each(&record, |context, sealed| {
            unopened.extend(keyring.open(context, sealed).err());
            Ok(())
        });
        failed.extend(read.err().into_iter().chain(unopened));
    }
    Ok(failed)
}
