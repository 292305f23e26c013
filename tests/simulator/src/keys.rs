//! The P-256 key pair that signs SendGrid's event webhook, and the other key pairs of a local stack.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{KeySize, PrivateDecryptingKey},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

/// A new pair, both halves base64 without PEM armour.
#[derive(Debug, Clone, Serialize)]
pub struct GeneratedKeys {
    /// PKCS#8 DER, for `SIM_SENDGRID_SIGNING_KEY`.
    pub private_pkcs8: String,
    /// SubjectPublicKeyInfo DER, as SendGrid's console shows it: for whoever verifies.
    pub public_spki: String,
    /// An RSA key pair in the same forms: what messages' secret variables are encrypted with on a local stack.
    pub rsa_private_pkcs8: String,
    pub rsa_public_spki: String,
}

/// Makes a new pair.
///
/// # Errors
/// When the system has no randomness.
pub fn generate() -> Result<GeneratedKeys, String> {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
        .map_err(|_| "cannot make a P-256 key".to_owned())?;
    let private_pkcs8 = STANDARD.encode(pkcs8.as_ref());
    let public_spki = public_spki(&parse(&private_pkcs8)?)?;
    let rsa = PrivateDecryptingKey::generate(KeySize::Rsa2048).map_err(|_| "cannot make an RSA key".to_owned())?;
    let no_form = |_| "the RSA key has no DER form".to_owned();
    let private: Pkcs8V1Der<'_> = rsa.as_der().map_err(no_form)?;
    let public: PublicKeyX509Der<'_> = rsa.public_key().as_der().map_err(no_form)?;
    Ok(GeneratedKeys {
        private_pkcs8,
        public_spki,
        rsa_private_pkcs8: STANDARD.encode(private.as_ref()),
        rsa_public_spki: STANDARD.encode(public.as_ref()),
    })
}

/// Reads a base64 PKCS#8 private key.
///
/// # Errors
/// When it is not base64 or not a P-256 key.
pub(crate) fn parse(private_pkcs8: &str) -> Result<EcdsaKeyPair, String> {
    let der = STANDARD.decode(private_pkcs8).map_err(|_| "the SendGrid signing key is not base64".to_owned())?;
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der)
        .map_err(|_| "the SendGrid signing key is not a PKCS#8 P-256 key".to_owned())
}

/// The public half as base64 SPKI.
///
/// # Errors
/// When the key cannot be encoded.
pub(crate) fn public_spki(pair: &EcdsaKeyPair) -> Result<String, String> {
    let der = pair.public_key().as_der().map_err(|_| "the public key has no DER form".to_owned())?;
    Ok(STANDARD.encode(der.as_ref()))
}
