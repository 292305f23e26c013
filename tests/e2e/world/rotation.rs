//! A secret's version before the present one, set as a rotation leaves it; and changes of the present one that leave
//! everything in it that others use.

use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use super::World;

const PREVIOUS: &str = "AWSPREVIOUS";

pub(crate) struct Previous {
    secret: String,
    ours: String,
    before: Option<String>,
}

impl Previous {
    /// Makes `value` the previous version of the secret `twilio`, `auth` …
    pub(crate) async fn set(world: &World, name: &str, value: &Value) -> Self {
        let secret = world.setting(&format!("{}_SECRET", name.to_uppercase())).await;
        let before = holder(world, &secret).await;
        let put = world.secrets().put_secret_value().secret_id(&secret).secret_string(value.to_string());
        let put = put.version_stages("E2E").send().await.expect("a new version");
        let ours = put.version_id().expect("its id").to_owned();
        relabel(world, &secret, &ours, before.as_deref()).await;
        Self { secret, ours, before }
    }

    /// Makes the version of before the previous one again.
    pub(crate) async fn undo(self, world: &World) {
        if let Some(before) = &self.before {
            relabel(world, &self.secret, before, Some(&self.ours)).await;
        }
    }
}

/// One test at a time changes the present version of a secret.
static CHANGES: Mutex<()> = Mutex::const_new(());

/// A changed present version of a secret.
pub(crate) struct Changed {
    secret: String,
    before: Value,
    _alone: MutexGuard<'static, ()>,
}

impl Changed {
    /// Changes the present version of the secret that this setting names.
    pub(crate) async fn make(world: &World, setting: &str, change: impl FnOnce(&mut Value)) -> Self {
        let alone = CHANGES.lock().await;
        let changed = Self { secret: world.setting(setting).await, before: world.secret(setting).await, _alone: alone };
        let mut value = changed.before.clone();
        change(&mut value);
        changed.write(world, &value).await;
        changed
    }

    /// Changes it once more, from what it was at first.
    pub(crate) async fn again(&self, world: &World, change: impl FnOnce(&mut Value)) {
        let mut value = self.before.clone();
        change(&mut value);
        self.write(world, &value).await;
    }

    pub(crate) async fn undo(self, world: &World) {
        self.write(world, &self.before).await;
    }

    async fn write(&self, world: &World, value: &Value) {
        let put = world.secrets().put_secret_value().secret_id(&self.secret).secret_string(value.to_string());
        put.send().await.expect("a new version");
    }
}

/// Which version is the previous one now.
async fn holder(world: &World, secret: &str) -> Option<String> {
    let described = world.secrets().describe_secret().secret_id(secret).send().await.expect("the secret");
    let versions = described.version_ids_to_stages.unwrap_or_default();
    versions.into_iter().find(|(_, stages)| stages.iter().any(|stage| stage == PREVIOUS)).map(|(id, _)| id)
}

async fn relabel(world: &World, secret: &str, to: &str, from: Option<&str>) {
    let update = world.secrets().update_secret_version_stage().secret_id(secret).version_stage(PREVIOUS);
    let moved = update.move_to_version_id(to).set_remove_from_version_id(from.map(str::to_owned)).send().await;
    moved.unwrap_or_else(|error| panic!("{PREVIOUS} of {secret}: {:?}", error.message()));
}
