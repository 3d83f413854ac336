//! The management API does what its description says, whatever is sent.

use tollgate_e2e::{Stack, block_on, schemathesis};

#[test]
fn schemathesis_finds_nothing_that_is_not_described() {
    block_on(async {
        let stack = Stack::builder().start().await;
        let admin = stack.admin_url();
        let environment = [("ADMIN", admin.as_str()), ("MASTER_KEY", stack.master_key())];

        let printed = schemathesis("schema.py", &environment);

        assert!(printed.contains("Test cases:"), "{printed}");
    });
}
