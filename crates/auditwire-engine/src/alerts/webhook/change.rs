//! Setting, deleting and testing the webhook.

use auditwire_model::ProjectId;
use auditwire_model::access::{Caller, Verb};
use serde_json::json;

use super::address::Address;
use super::{CallReport, WebhookView, context, key, last_key, not_found, queue, stored, url, url_context, view};
use crate::Engine;
use crate::audit::{Audit, action, event_id};
use crate::delivery::tls::PemBundle;
use crate::error::{Error, Result};
use crate::log::Submission;
use crate::projects::authorize;
use crate::records::{Document, Webhook, WebhookRecord};
use crate::secrets::{Secret, still_seals};
use crate::store::{Change, Effect, Expect};

/// Characters of a secret that is given.
const SECRET: std::ops::RangeInclusive<usize> = 16..=256;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct NewWebhook {
    /// `https://…`; none, or what is shown of the present one, keeps that.
    pub url: Option<Secret>,
    /// 16 to 256 visible ASCII characters; none keeps the present one, and makes one when there is none.
    pub secret: Option<Secret>,
    /// CA certificates that vouch for the receiver; `None` keeps them, `Some(None)` removes them.
    pub pem: Option<Option<String>>,
}

/// Sets the webhook. The secret is given back only when it was made here, and never again.
///
/// # Errors
/// `forbidden`, `project_not_found`, `invalid_url`, `invalid_secret`, the codes of a PEM that cannot be read, `pem_unsupported` when
/// it holds a key, `conflict`.
pub async fn set(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    new: NewWebhook,
) -> Result<(WebhookView, Option<Secret>)> {
    authorize(engine, caller, project, Verb::SetWebhook).await?;
    let before = stored(engine, project).await?;
    let url = wanted_url(engine, project, new.url, before.as_ref().map(|(webhook, _)| webhook))?;
    let address = Address::parse(url.expose_text())?;
    if let Some(secret) = &new.secret {
        demand_secret(secret)?;
    }
    if let Some(Some(pem)) = &new.pem {
        demand_authorities(pem)?;
    }
    let made = if new.secret.is_none() && before.is_none() { Some(Secret::random_key()?) } else { None };
    let sealed = match (new.secret.as_ref().or(made.as_ref()), &before) {
        (Some(secret), _) => engine.keyring.seal(&context(project), secret)?,
        (None, Some((before, _))) => {
            engine.keyring.rewrap(&context(project), &before.secret)?.unwrap_or_else(|| before.secret.clone())
        }
        (None, None) => return Err(not_found()),
    };
    let now = engine.clock.now();
    let (expect, created_at, kept) = match before {
        Some((before, version)) => (Expect::Version(version), before.created_at, before.pem),
        None => (Expect::Absent, now, None),
    };
    let pem = new.pem.unwrap_or(kept);
    let url = engine.keyring.seal(&url_context(project), &url)?;
    let mut fences = vec![still_seals(&sealed)];
    if url.key_id != sealed.key_id {
        fences.push(still_seals(&url));
    }
    let webhook = Webhook { url, shown: address.shown(), secret: sealed, pem, created_at, updated_at: now };
    let effect = Effect::Put(WebhookRecord::from(webhook).encode()?);
    let host = address.endpoint.to_string();
    let event = Audit::new(action::WEBHOOK_SET, caller)
        .on("webhook", "webhook")
        .with("endpoint", &host)
        .with("secret_changed", new.secret.is_some() || made.is_some())
        .message(format!("Alerts are told to {host}"));
    // What the last call came to was of what there was before.
    let mut changes = vec![Change { key: key(project), expect, effect }, unnoted(project)];
    changes.extend(fences);
    engine.log.submit(Submission { project: Some(project.clone()), events: vec![event.build(now)], changes }).await?;
    Ok((view(engine, project).await?, made))
}

/// The address that is asked for, or the present one.
fn wanted_url(engine: &Engine, project: &ProjectId, new: Option<Secret>, before: Option<&Webhook>) -> Result<Secret> {
    match (new, before) {
        (Some(new), Some(before)) if new.expose_text() == before.shown => url(engine, project, before),
        (Some(new), _) => Ok(new),
        (None, Some(before)) => url(engine, project, before),
        (None, None) => Err(Error::invalid("invalid_url", "url", "the webhook's address is needed: https://…")),
    }
}

fn unnoted(project: &ProjectId) -> Change {
    Change { key: last_key(project), expect: Expect::Any, effect: Effect::Delete }
}

fn demand_secret(secret: &Secret) -> Result<()> {
    let text = secret.expose_text();
    if SECRET.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let (from, to) = (SECRET.start(), SECRET.end());
    let detail = format!("a secret has {from} to {to} visible ASCII characters; leave it out to have one made");
    Err(Error::invalid("invalid_secret", "secret", detail))
}

fn demand_authorities(pem: &str) -> Result<()> {
    let bundle = PemBundle::parse(pem.as_bytes()).map_err(|e| Error::invalid(e.code, "pem", e.message))?;
    if bundle.has_client_key() {
        let detail = "a webhook takes CA certificates only; remove the private key";
        return Err(Error::invalid("pem_unsupported", "pem", detail));
    }
    Ok(())
}

/// Deletes the webhook and the calls that were still to be made.
///
/// # Errors
/// `forbidden`, `project_not_found`, `webhook_not_found`, `conflict`.
pub async fn delete(engine: &Engine, caller: &Caller, project: &ProjectId) -> Result<()> {
    authorize(engine, caller, project, Verb::DeleteWebhook).await?;
    let (_, version) = stored(engine, project).await?.ok_or_else(not_found)?;
    let mut changes =
        vec![Change { key: key(project), expect: Expect::Version(version), effect: Effect::Delete }, unnoted(project)];
    for id in queue::ids(engine, project).await? {
        changes.push(queue::forget(project, id));
    }
    let event = Audit::new(action::WEBHOOK_DELETE, caller)
        .on("webhook", "webhook")
        .message("Alerts are not told to a webhook any more")
        .build(engine.clock.now());
    engine.log.submit(Submission { project: Some(project.clone()), events: vec![event], changes }).await.map(drop)
}

/// Calls the webhook with a test, and tells what happened stage by stage. Counts as a connection check: so many a minute.
///
/// # Errors
/// `forbidden`, `project_not_found`, `webhook_not_found`, `too_many_checks`.
pub async fn test(engine: &Engine, caller: &Caller, project: &ProjectId) -> Result<CallReport> {
    authorize(engine, caller, project, Verb::TestWebhook).await?;
    let (webhook, _) = stored(engine, project).await?.ok_or_else(not_found)?;
    let now = engine.clock.now();
    let _place = engine.shared.checks.begin(project, None, now)?;
    let id = format!("w-{}", event_id(now));
    let body = json!({ "id": id, "type": "test", "at": now.to_string(), "project": project.to_string() }).to_string();
    let report = engine.unless_closing(queue::call(engine, project, &webhook, &id, &body)).await??;
    let (code, message) = report.last();
    let mut event = Audit::new(action::WEBHOOK_TEST, caller)
        .on("webhook", "webhook")
        .message(format!("The webhook was tested: {code}"));
    if !report.ok {
        event = event.failed(code, message);
    }
    let changes = vec![queue::noted(engine, project, &report)?];
    let events = vec![event.build(engine.clock.now())];
    engine.log.submit(Submission { project: Some(project.clone()), events, changes }).await?;
    Ok(report)
}
