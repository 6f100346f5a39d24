//! What the programs say to a section `[tls]` before they read any file.

type Check = fn(Vec<(String, String)>) -> anyhow::Result<()>;

/// A program: how it reads its environment, the prefix there, its key between the roles, and what else it needs.
struct Program {
    check: Check,
    prefix: &'static str,
    key: &'static str,
    needs: &'static [(&'static str, &'static str)],
}

const PROGRAMS: [Program; 4] = [
    Program {
        check: |all| holt_api::serve::check(None, all),
        prefix: "HOLT_API",
        key: "SUPERVISOR__KEY",
        needs: &[],
    },
    Program {
        check: |all| holt_supervisor::serve::check(None, all),
        prefix: "HOLT_SUPERVISOR",
        key: "ROLES__KEY",
        needs: &[],
    },
    Program {
        check: |all| holt_worker::serve::check(None, all),
        prefix: "HOLT_WORKER",
        key: "SUPERVISORS__KEY",
        needs: &[
            ("WORKER__NAME", "worker-1"),
            ("SUPERVISORS__ADDRESSES", "[\"https://localhost:1\"]"),
            ("CLOUD__KEYSTONE", "https://localhost:2/v3"),
            ("CLOUD__REGION", "RegionOne"),
            ("CLOUD__ACCOUNTS__ACME__KIND", "application_credential"),
            ("CLOUD__ACCOUNTS__ACME__ID", "an-id"),
            ("CLOUD__ACCOUNTS__ACME__SECRET", "a-secret"),
            (
                "PROOF__KEYS__1",
                "a key of thirty-two bytes or more, for tests",
            ),
        ],
    },
    Program {
        check: |all| holt_hooks::serve::check(None, all),
        prefix: "HOLT_HOOKS",
        key: "SUPERVISORS__KEY",
        needs: &[
            ("HOOKS__ANSWERS", "https://localhost:3"),
            ("SUPERVISORS__ADDRESSES", "[\"https://localhost:1\"]"),
        ],
    },
];

const TLS: [(&str, &str); 3] = [
    ("TLS__CA_FILE", "/nowhere/ca.pem"),
    ("TLS__CERTIFICATE_FILE", "/nowhere/own.pem"),
    ("TLS__KEY_FILE", "/nowhere/own.key"),
];

impl Program {
    /// What it says to this beside what it needs.
    fn says(&self, given: &[(&str, &str)]) -> String {
        let all = self.needs.iter().chain(given);
        let all =
            all.map(|(name, value)| (format!("{}__{name}", self.prefix), (*value).to_owned()));
        match (self.check)(all.collect()) {
            Ok(()) => String::from("good"),
            Err(error) => format!("{error:#}"),
        }
    }
}

#[test]
fn every_role_starts_with_a_key_with_certificates_or_with_both_and_not_with_neither() {
    for program in PROGRAMS {
        let key = (program.key, "a key of thirty-two bytes or more");
        let prefix = program.prefix;
        assert_eq!(program.says(&[key]), "good", "{prefix}");
        assert_eq!(program.says(&TLS), "good", "{prefix}");
        let both = [&TLS[..], &[key]].concat();
        assert_eq!(program.says(&both), "good", "{prefix}");
        let neither = program.says(&[]);
        assert!(neither.contains("neither is set"), "{neither}");
        let part = program.says(&TLS[..2]);
        assert!(part.contains("key_file"), "{part}");
    }
}

#[test]
fn a_key_between_the_roles_that_could_be_guessed_stops_every_role_and_the_rule_is_named() {
    for program in PROGRAMS {
        let short = (program.key, "0123456789abcdef0123456789abcde");
        let both = [&TLS[..], &[short]].concat();
        for given in [&[short][..], &both[..]] {
            let said = program.says(given);
            assert!(said.contains("at least 32 characters"), "{said}");
        }
    }
}

#[test]
fn beside_certificates_no_other_ca_and_no_plain_address_are_taken() {
    let with = |more: &[(&'static str, &'static str)]| [&TLS[..], more].concat();
    let [api, supervisor, worker, hooks] = PROGRAMS;
    for (program, key) in [
        (api, "SUPERVISOR__CA_FILE"),
        (worker, "SUPERVISORS__CA_FILE"),
        (hooks, "SUPERVISORS__CA_FILE"),
    ] {
        let said = program.says(&with(&[(key, "/nowhere/other.pem")]));
        assert!(said.contains("ca_file"), "{said}");
    }
    let cluster = ("STORE__KIND", "cassandra");
    let at = |address| with(&[cluster, ("ROLES__ADVERTISE", address)]);
    let said = supervisor.says(&at("http://10.0.0.7:8071"));
    assert!(said.contains("roles.advertise"), "{said}");
    assert_eq!(supervisor.says(&at("https://10.0.0.7:8071")), "good");
}
