//! What operators ask: kill switches, and ended tokens.

use reqwest::Method;

use super::{Client, Error, NOTHING, encoded, given};
use crate::v2::Page;
use crate::v2::colo::{ColoView, TakeoverSpec};
use crate::v2::revocation::{Revocation, RevocationSpec};
use crate::v2::switch::{Switch, SwitchSpec, Throw};

/// Where the switches are.
const SWITCHES: &str = "/v2/switches";
/// Where it stands which tokens were ended.
const REVOCATIONS: &str = "/v2/revocations";

impl Client {
    /// The kill switches that stand. For operators.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn switches(&self) -> Result<Page<Switch>, Error> {
        self.json(Method::GET, SWITCHES, &[], NOTHING).await
    }

    /// Sets the switch of a scope. For operators.
    ///
    /// # Errors
    /// [`Error`]; after `Unreachable` it may stand all the same: set it again.
    pub async fn set_switch(&self, scope: &str, spec: &SwitchSpec) -> Result<Switch, Error> {
        let path = format!("{SWITCHES}/{}", encoded(scope));
        self.json(Method::PUT, &path, &[], Some(spec)).await
    }

    /// Takes the switch of a scope back. For operators.
    ///
    /// # Errors
    /// [`Error`]; after `Unreachable` do it again.
    pub async fn clear_switch(&self, scope: &str, why: Option<String>) -> Result<(), Error> {
        let path = format!("{SWITCHES}/{}", encoded(scope));
        let request = self.request(Method::DELETE, &path, &given([("why", why)]));
        self.exchange(request).await.map(drop)
    }

    /// Who threw which switch, newest first. For operators.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn throws(&self, limit: u32) -> Result<Page<Throw>, Error> {
        let path = format!("{SWITCHES}/history");
        let query = given([("limit", Some(limit.to_string()))]);
        self.json(Method::GET, &path, &query, NOTHING).await
    }

    /// A colo as the control plane that is asked sees it. For operators.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn colo(&self, colo: u16) -> Result<ColoView, Error> {
        let path = format!("/v2/colos/{colo}");
        self.json(Method::GET, &path, &[], NOTHING).await
    }

    /// Makes the control plane that is asked take a colo over. For operators.
    ///
    /// # Errors
    /// [`Error`]; after `Unreachable` do it again: to ask twice does no harm.
    pub async fn take_over(&self, colo: u16, spec: &TakeoverSpec) -> Result<ColoView, Error> {
        let path = format!("/v2/colos/{colo}/takeover");
        self.json(Method::POST, &path, &[], Some(spec)).await
    }

    /// Ends tokens before their time. For operators.
    ///
    /// # Errors
    /// [`Error`]; after `Unreachable` do it again: to end the same tokens twice does no harm.
    pub async fn revoke(&self, spec: &RevocationSpec) -> Result<Revocation, Error> {
        self.json(Method::POST, REVOCATIONS, &[], Some(spec)).await
    }

    /// Which tokens were ended, newest first. For operators.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn revocations(&self, limit: u32) -> Result<Page<Revocation>, Error> {
        let query = given([("limit", Some(limit.to_string()))]);
        self.json(Method::GET, REVOCATIONS, &query, NOTHING).await
    }
}
