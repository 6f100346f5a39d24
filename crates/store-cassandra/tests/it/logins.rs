//! Logins: the roles that docs/cassandra.md tells operators to make are enough for what each is for, and for no more.

use std::time::Duration;

use chassis::Process;
use store::group::Level;
use store_cassandra::{OpenError, Settings, schema, session_builder};

use crate::{group, keyspace, more, nowhere, open, secret};

const PAGE: &str = include_str!("../../../../docs/cassandra.md");
const PASSWORD: &str = "of-a-test";

/// One block of statements of the page, for a keyspace and roles that only this test has.
fn documented(block: usize, settings: &Settings) -> Vec<String> {
    let keyspace = &settings.keyspace;
    let text = PAGE.split("```cql\n").nth(block).expect("a block");
    let (text, _) = text.split_once("```").expect("its end");
    let lines = text.lines().filter_map(|line| line.split("--").next());
    let text = lines
        .collect::<Vec<_>>()
        .join("\n")
        .replace("holt_", &format!("{keyspace}_"))
        .replace(" holt ", &format!(" {keyspace} "))
        .replace("'...'", &format!("'{PASSWORD}'"))
        .replace("'dc1': 3", &format!("'dc1': {}", settings.copies));
    let statements = text.split(';').map(|one| one.trim().to_owned());
    statements.filter(|one| !one.is_empty()).collect()
}

/// Runs statements as that user.
async fn run(settings: &Settings, statements: &[String]) -> Result<(), String> {
    let builder = session_builder(settings).expect("whole settings");
    let session = builder.build().await.expect("a session");
    for statement in statements {
        let done = session.query_unpaged(statement.as_str(), ()).await;
        done.map_err(|error| format!("{statement}: {error}"))?;
    }
    Ok(())
}

/// The same settings with the login of a role of this keyspace.
fn of_role(settings: &Settings, role: &str) -> Settings {
    Settings {
        user: Some(format!("{}_{role}", settings.keyspace)),
        password: Some(secret(PASSWORD.to_owned())),
        ..settings.clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster with logins: deploy/fleet/conformance.sh tls"]
async fn a_wrong_password_and_no_login_at_all_are_refused() {
    let process = Process::system();
    let right = nowhere(&process);
    let wrong = Settings {
        password: Some(secret("wrong-CANARY".to_owned())),
        ..right.clone()
    };
    let none = Settings {
        user: None,
        password: None,
        ..right
    };
    for (settings, why) in [(wrong, "bad credentials"), (none, "is required")] {
        let error = store_cassandra::open(&process, &settings).await;
        let error = error.expect_err("no session");
        assert!(matches!(error, OpenError::Session(_)), "{error:?}");
        let told = format!("{} {error:?}", chassis::telemetry::chain(&error));
        assert!(told.contains(why) && !told.contains("CANARY"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster with logins: deploy/fleet/conformance.sh tls"]
async fn the_documented_roles_are_enough_and_change_nothing_beyond() {
    let process = Process::system();
    let superuser = nowhere(&process);
    let keyspace = superuser.keyspace.as_str();
    run(&superuser, &documented(1, &superuser))
        .await
        .expect("before the schema");
    let maker = of_role(&superuser, "schema");
    let made = schema::apply(&process, &maker).await.expect("a schema");
    assert_eq!(made, (0, schema::VERSION));
    run(&superuser, &documented(2, &superuser))
        .await
        .expect("after the schema");
    // Nodes remember for two seconds what a role may.
    process.clock.sleep(Duration::from_secs(3)).await;
    // The next version is applied by the same role, which may no longer make keyspaces.
    let again = schema::apply(&process, &maker).await.expect("a schema");
    assert_eq!(again, (schema::VERSION, schema::VERSION));
    let elsewhere = format!(
        "CREATE KEYSPACE {keyspace}_2 WITH replication = {{'class': 'NetworkTopologyStrategy', 'dc1': 1}}"
    );
    let told = run(&maker, &[elsewhere]).await.expect_err("refused");
    assert!(told.contains("no CREATE permission"), "{told}");
    for role in ["supervisor", "api"] {
        let user = of_role(&superuser, role);
        let groups = open(&process, &user).await.stores().groups;
        let made = group(&process, &*groups).await.expect("a group");
        let after = more(&process, &*groups, &made.key).await.expect("a commit");
        assert_eq!(after.state.desired, made.state.desired.offset(1));
        schema::check(&user).await.expect("a version");
        let drop_table = format!("DROP TABLE {keyspace}.hot");
        let told = run(&user, &[drop_table]).await.expect_err("refused");
        assert!(told.contains("no DROP permission"), "{told}");
        let told = schema::apply(&process, &user).await.expect_err("refused");
        let told = chassis::telemetry::chain(&told).to_string();
        assert!(told.contains("permission"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster with logins: deploy/fleet/conformance.sh tls"]
async fn who_makes_the_keyspace_by_hand_need_not_let_anybody_make_keyspaces() {
    let process = Process::system();
    let superuser = nowhere(&process);
    run(&superuser, &documented(3, &superuser))
        .await
        .expect("before the schema");
    let maker = of_role(&superuser, "schema");
    let made = schema::apply(&process, &maker).await.expect("a schema");
    assert_eq!(made, (0, schema::VERSION));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster with logins: deploy/fleet/conformance.sh tls"]
async fn a_role_that_may_not_modify_reads_and_its_commits_are_refused_for_certain() {
    let process = Process::system();
    let superuser = keyspace(&process).await;
    let keyspace = superuser.keyspace.as_str();
    let made = open(&process, &superuser).await.stores().groups;
    let made = group(&process, &*made).await.expect("a group");
    let statements = [
        format!("CREATE ROLE {keyspace}_reader WITH LOGIN = true AND PASSWORD = '{PASSWORD}'"),
        format!("GRANT SELECT ON KEYSPACE {keyspace} TO {keyspace}_reader"),
    ];
    run(&superuser, &statements).await.expect("a role");
    let reader = of_role(&superuser, "reader");
    let groups = open(&process, &reader).await.stores().groups;
    let found = groups
        .read(&made.key, Level::Serial)
        .await
        .expect("an answer");
    assert_eq!(found.map(|group| group.rev), Some(made.rev));
    let told = more(&process, &*groups, &made.key)
        .await
        .expect_err("refused");
    let told = chassis::telemetry::chain(&told).to_string();
    // Not "unknown": nobody has to find out what became of it.
    assert!(told.contains("the store gave no answer"), "{told}");
    assert!(told.contains("no MODIFY permission"), "{told}");
}
