//! `tollgate doctor` beside a running Envoy.

use tollgate_e2e::{Stack, block_on};

#[test]
fn the_doctor_finds_a_running_envoy_and_its_providers_well() {
    block_on(async {
        let stack = Stack::builder().start().await;
        let admin = format!("http://{}", stack.envoy().admin().address());

        let (code, said) = stack.run(&["doctor", "--envoy-admin", &admin]);

        assert_eq!(code, Some(0), "{said}");
        for line in
            ["ok    envoy: version 1.4", "ok    envoy's flag: on all", "ok    provider demo"]
        {
            assert!(said.contains(line), "{line} is not in\n{said}");
        }
        stack.stop().await;
    });
}
