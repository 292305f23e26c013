//! What every handler and every background task shares.

use std::{
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    callbacks::Outbox, chance::Chance, config::Config, faults::Faults, resend::Idempotency, sendgrid::EventBatcher,
    store::Store, twilio::verify::Verifications,
};

/// A cheap handle to the simulator's state.
#[derive(Debug, Clone)]
pub(crate) struct App(Arc<Shared>);

/// The state itself. Locks are held for memory work only, never across an await.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) chance: Chance,
    pub(crate) outbox: Outbox,
    pub(crate) events: EventBatcher,
    store: Mutex<Store>,
    faults: Mutex<Faults>,
    idempotency: Mutex<Idempotency>,
    verifications: Mutex<Verifications>,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// Builds the state and starts the background tasks.
    ///
    /// # Errors
    /// When a key in the configuration cannot be read.
    pub(crate) fn new(config: Config) -> Result<Self, String> {
        let (events, pending) = EventBatcher::new();
        let app = Self(Arc::new(Shared {
            chance: Chance::new(config.seed),
            outbox: Outbox::new(&config)?,
            events,
            store: Mutex::default(),
            faults: Mutex::default(),
            verifications: Mutex::default(),
            idempotency: Mutex::new(Idempotency::new(config.resend_requests_per_second)),
            config,
        }));
        tokio::spawn(pending.flush(app.clone()));
        Ok(app)
    }
}

impl Shared {
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn idempotency(&self) -> MutexGuard<'_, Idempotency> {
        self.idempotency.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn verifications(&self) -> MutexGuard<'_, Verifications> {
        self.verifications.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets messages, faults, callbacks, idempotency keys and verifications.
    pub(crate) fn forget(&self) {
        self.store().forget();
        self.faults().clear();
        self.idempotency().forget();
        self.verifications().forget();
        self.outbox.forget();
    }
}
