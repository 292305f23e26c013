//! A portal that works on the stack's own tables and keys, with a clock that stands still until it is moved, and that
//! verifies assertions as a portal does: offline, with the published keys.

use std::collections::BTreeSet;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use switchboard::message::{Address, Channel, MessageId, PhoneNumber};
use switchboard::otp::{Code, Settings, Started};
use switchboard::person::PersonId;
use switchboard::secrets::Secret;
use switchboard::store::TwoFactorStore;
use switchboard::store::twofactor::Tables;
use switchboard::twofactor::assertion::{Claims, TYPE};
use switchboard::twofactor::{
    self, Audience, Begin, BeginError, Begun, Check, Confirmed, DeviceToken, Enrol, EnrolError, Passed, Policy, Proof,
    RecoveryCode, Standing, Target, Trust, TwoFactor, Verdict,
};

use crate::otp::engine::{Engine, phone};
use crate::world::{World, fresh};

/// Who assertions are from and for.
const ISSUER: &str = "https://api.example";
const AUDIENCE: &str = "lender-portal";
/// Who asks.
pub(crate) const CALLER: &str = "portal";

pub(crate) struct Portal {
    pub(crate) engine: Engine,
    pub(crate) twofactor: TwoFactor,
}

/// Somebody who enrolled.
pub(crate) struct Lender {
    pub(crate) id: PersonId,
    pub(crate) phone: Address,
    pub(crate) recovery: Vec<RecoveryCode>,
}

pub(crate) fn person() -> PersonId {
    PersonId::text(&fresh::word()).expect("an id")
}

fn number(address: &Address) -> PhoneNumber {
    PhoneNumber::parse(address.as_str(), "US").expect("a number")
}

impl Portal {
    pub(crate) async fn new(world: &World) -> Self {
        let engine = Engine::new(world, Settings::default()).await;
        let table = |name: &str| world.stack.tables[name].clone();
        let tables = Tables { people: table("people"), ephemera: table("ephemera"), ledger: table("ledger") };
        let (ledger, codes) = (engine.road.keys.ledger().expect("keys"), engine.road.keys.codes().expect("keys"));
        let store = TwoFactorStore::new(world.dynamodb(), tables, ledger, engine.road.seal.clone());
        let signing = Secret::new(world.secrets(), world.setting("TWOFACTOR_SECRET").await);
        let policy = Policy::read("lender").expect("roles");
        let settings = twofactor::Settings { policy, issuer: ISSUER.to_owned() };
        let (clock, otp) = (engine.clock.clone(), engine.otp.clone());
        let twofactor = TwoFactor::new(clock, otp, store, codes, signing, settings);
        Self { engine, twofactor }
    }

    pub(crate) async fn enrol(&self, person: &PersonId, to: &Address) -> Result<(Started, MessageId), EnrolError> {
        let id = MessageId::new();
        let enrol = Enrol {
            id,
            request_hash: None,
            caller: CALLER.to_owned(),
            person: person.clone(),
            phone: number(to),
            channel: Channel::Sms,
            locale: None,
            ip: None,
        };
        Ok((self.twofactor.enrol(enrol).await?, id))
    }

    pub(crate) async fn confirm(&self, person: &PersonId, code: &Code) -> Result<Confirmed, EnrolError> {
        self.twofactor.confirm(CALLER, person, code).await
    }

    /// Somebody with a confirmed phone.
    pub(crate) async fn lender(&self) -> Lender {
        let (id, to) = (person(), phone());
        let (_, message) = self.enrol(&id, &to).await.expect("a code");
        let code = self.code_of(message, &to).await;
        match self.confirm(&id, &code).await.expect("an answer") {
            Confirmed::Enrolled(recovery) => Lender { id, phone: to, recovery },
            Confirmed::Denied(tried) => panic!("{tried:?}"),
        }
    }

    /// The code of a message, as only who holds the key can tell it.
    pub(crate) async fn code_of(&self, message: MessageId, to: &Address) -> Code {
        let message = self.engine.road.messages.get(message).await.expect("a store").expect("a message");
        self.engine.codes.code(&message.code.expect("a message with a code"), to)
    }

    pub(crate) async fn begin(
        &self,
        person: &PersonId,
        channel: Channel,
        device: Option<&DeviceToken>,
    ) -> Result<(Begun, MessageId), BeginError> {
        let id = MessageId::new();
        let begin = Begin {
            id,
            request_hash: None,
            caller: CALLER.to_owned(),
            person: person.clone(),
            channel,
            locale: None,
            ip: None,
            action: None,
            device: device.map(|token| (token.clone(), audience())),
        };
        Ok((self.twofactor.start(begin).await?, id))
    }

    /// Begins by SMS; the code.
    pub(crate) async fn start(&self, lender: &Lender) -> Code {
        let (_, message) = self.begin(&lender.id, Channel::Sms, None).await.expect("a code");
        self.code_of(message, &lender.phone).await
    }

    pub(crate) async fn check(&self, person: &PersonId, proof: Proof) -> Verdict {
        let check =
            Check { caller: CALLER.to_owned(), person: person.clone(), proof, target: Target::Portal(audience()) };
        self.twofactor.check(&check).await.expect("an answer")
    }

    pub(crate) async fn enter(&self, person: &PersonId, code: &Code) -> Verdict {
        self.check(person, Proof::Code(code.clone(), Trust::ThisTime)).await
    }

    pub(crate) async fn standing(&self, person: &PersonId) -> Standing {
        self.twofactor.standing(person, &BTreeSet::new()).await.expect("an answer")
    }

    /// The events of a person's history, the oldest first. It is intact.
    pub(crate) async fn events(&self, person: &PersonId) -> Vec<String> {
        let page = self.twofactor.history(person, None, 100).await.expect("a page");
        assert!(page.intact && page.next.is_none());
        page.entries.into_iter().rev().map(|entry| entry.event).collect()
    }

    /// The claims of an assertion, verified as a portal does it. Its time is the test's own, so it is compared by hand.
    pub(crate) async fn verified(&self, assertion: &str) -> Claims {
        let document = serde_json::to_string(&self.twofactor.jwks().await.expect("keys")).expect("JSON");
        let set: JwkSet = serde_json::from_str(&document).expect("a JWK set");
        let header = decode_header(assertion).expect("a header");
        assert_eq!((header.alg, header.typ.as_deref()), (Algorithm::ES256, Some(TYPE)));
        let jwk = set.find(&header.kid.expect("a key id")).expect("a published key");
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        rules.validate_exp = false;
        let key = DecodingKey::from_jwk(jwk).expect("a key");
        let claims = decode::<Claims>(assertion, &key, &rules).expect("it verifies").claims;
        let now = self.engine.clock.now().as_second();
        assert!(claims.exp > now && claims.exp == claims.iat + 300, "{claims:?}");
        claims
    }
}

pub(crate) fn audience() -> Audience {
    Audience::try_from(AUDIENCE.to_owned()).expect("an audience")
}

pub(crate) fn passed(verdict: Verdict) -> Passed {
    match verdict {
        Verdict::Passed(passed) => passed,
        Verdict::Denied(_) | Verdict::Locked(_) => panic!("{verdict:?}"),
    }
}
