//! Where the demo and the drill play: a simulated cloud in a second process, `holt serve` in this one on a temporary folder, a key and a token.
use std::{fs, path::PathBuf, time::Duration};

use anyhow::Context as _;
use chassis::{
    Process,
    http::{self, Trust},
};
use cloudsim::Faults;
use domain::access::{Right, Rights};
use tempfile::TempDir;

use crate::{
    config::{self, Config},
    keys, out,
    serve::{self, Running},
    session::Session,
    simulated::Simulated,
    token,
};

/// A tenant that the simulated cloud knows.
pub(crate) const TENANT: &str = "tenant-a";

#[derive(Debug)]
pub(crate) struct Stage {
    folder: TempDir,
    running: Running,
    pub(crate) cloud: Simulated,
    pub(crate) session: Session,
    pub(crate) http: http::Client,
}

impl Stage {
    /// Starts everything.
    ///
    /// # Errors
    /// Something does not start.
    pub(crate) async fn build(
        process: &Process,
        seed: u64,
        faults: &Faults,
    ) -> anyhow::Result<Self> {
        let cloud = Simulated::start(process, seed).await?;
        cloud.set_faults(faults).await?;
        let folder = tempfile::tempdir().context("make a temporary folder")?;
        let config = configure(process, &folder, &cloud.address)?;
        let running = serve::start(process, &config).await?;
        let token = token::sign(
            &config,
            &token::Wish {
                tenant: TENANT.to_owned(),
                rights: [Right::Read, Right::Crud, Right::Trigger]
                    .into_iter()
                    .collect::<Rights>(),
                subject: "demo".to_owned(),
                ttl: Duration::from_secs(600),
            },
            process.clock.unix_ms(),
        )?;
        let session = Session::at(format!("http://{}", running.address), token, TENANT)?;
        out::say(&format!(
            "cloud    http://{} (process {}, seed {seed})",
            cloud.address,
            cloud.pid()
        ))?;
        out::say(&format!(
            "holt     http://{} (this process, store in {})",
            running.address,
            folder.path().display()
        ))?;
        let http = http::client(&http::Settings {
            trust: Trust::Only(Vec::new()),
            ..http::Settings::default()
        });
        Ok(Self {
            folder,
            running,
            cloud,
            session,
            http: http.context("build a client")?,
        })
    }

    /// After a failure the folder stays, for whoever looks into it.
    pub(crate) fn keep_store(&self) -> anyhow::Result<()> {
        let kept = std::env::temp_dir().join(format!("holt-demo-{}", std::process::id()));
        fs::create_dir_all(&kept)?;
        for entry in fs::read_dir(self.folder.path())? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::copy(entry.path(), kept.join(entry.file_name()))?;
            }
        }
        out::say(&format!("failed; the store is kept in {}", kept.display()))
    }

    /// Stops everything.
    pub(crate) async fn strike(self) {
        self.running.stop().await;
    }
}

/// Keys and a configuration file in `folder`, read back as `holt serve --config` would.
fn configure(process: &Process, folder: &TempDir, cloud: &str) -> anyhow::Result<Config> {
    let place = |name: &str| folder.path().join(name);
    let made = keys::make(&place("keys"), &process.entropy)?;
    let quoted = |path: PathBuf| format!("{:?}", path.display().to_string());
    let of_file = |path: &PathBuf| format!("{:?}", format!("file:{}", path.display()));
    let text = format!(
        "api.listen = \"127.0.0.1:0\"\napi.keys.demo = {}\ntoken.key_file = {}\ntoken.key_id = \"demo\"\nproof.keys.1 = {}\nstore.path = {}\n\
         worker.state_dir = {}\ncloud.keystone_url = \"http://{cloud}/identity/v3\"\n{}",
        of_file(&made.public),
        quoted(made.private),
        of_file(&made.proof),
        quoted(place("holt.db")),
        quoted(place("worker")),
        include_str!("demo.toml"),
    );
    let file = place("holt.toml");
    fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
    config::load_file(&file)
}
