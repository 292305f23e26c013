//! A function of the stack once more, whose requests to AWS go through a proxy of the test's own: only the test calls it, so what
//! goes wrong there goes wrong for nobody else.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{Architecture, Environment, FunctionCode, Runtime};
use serde_json::{Value, json};
use tests::fault_proxy::FaultProxy;

use super::stack::stack;
use super::{World, fresh};

/// Where the local stack keeps the functions' packages.
const PACKAGES: &str = "switchboard-packages";

pub(crate) struct Behind {
    pub(crate) proxy: FaultProxy,
    name: String,
}

impl World {
    /// Makes one.
    pub(crate) async fn behind(&self, function: &str) -> Behind {
        let upstream = self.stack.aws_endpoint.trim_start_matches("http://").replace("localhost", "127.0.0.1");
        let proxy = FaultProxy::start(upstream.parse().expect("an address")).await.expect("a port");
        let lambda = aws_sdk_lambda::Client::new(&self.aws());
        let of = lambda.get_function_configuration().function_name(&self.stack.functions[function]).send().await;
        let of = of.expect("a function");
        let mut variables = of.environment.and_then(|environment| environment.variables).unwrap_or_default();
        // The emulator has its own word for every service: the SDKs ask for these first.
        for service in ["DYNAMODB", "SQS"] {
            variables.insert(format!("AWS_ENDPOINT_URL_{service}"), proxy.url.clone());
        }
        let packages =
            aws_sdk_s3::Client::new(&self.aws()).list_objects_v2().bucket(PACKAGES).prefix(format!("{function}/"));
        let packages = packages.send().await.expect("S3 answers");
        let package = packages.contents().first().and_then(|package| package.key()).expect("a package");
        let name = format!("{function}-behind-{}", fresh::word());
        let made = lambda
            .create_function()
            .function_name(&name)
            .runtime(of.runtime.unwrap_or(Runtime::Providedal2023))
            .handler(of.handler.unwrap_or_else(|| "bootstrap".to_owned()))
            .set_architectures(of.architectures.or(Some(vec![Architecture::X8664])))
            .role(of.role.expect("a role"))
            .timeout(60)
            .memory_size(256)
            .environment(Environment::builder().set_variables(Some(variables)).build())
            .code(FunctionCode::builder().s3_bucket(PACKAGES).s3_key(package).build());
        made.send().await.expect("a function");
        Behind { proxy, name }
    }

    /// Has it take a message one step further; the records that must come again.
    pub(crate) async fn step_behind(&self, behind: &Behind, message: &str) -> Value {
        let body = json!({"kind": "message", "id": message}).to_string();
        let record = json!({
            "messageId": fresh::word(), "receiptHandle": "none", "body": body, "eventSource": "aws:sqs",
            "attributes": {"ApproximateReceiveCount": "1"}, "messageAttributes": {}, "md5OfBody": "none",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:none", "awsRegion": "us-east-1",
        });
        let event = Blob::new(json!({"Records": [record]}).to_string());
        let lambda = aws_sdk_lambda::Client::new(&self.aws());
        let answer = lambda.invoke().function_name(&behind.name).payload(event).send().await.expect("it runs");
        let payload = answer.payload().map(|blob| String::from_utf8_lossy(blob.as_ref()).into_owned());
        assert!(answer.function_error().is_none(), "{} failed: {payload:?}", behind.name);
        payload.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }
}

impl Drop for Behind {
    /// On a thread of its own, because a test's runtime is busy with the test.
    fn drop(&mut self) {
        let url = format!("{}/2015-03-31/functions/{}", stack().aws_endpoint, self.name);
        let removal = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(reqwest::Client::new().delete(url).send()).map_err(std::io::Error::other)
        });
        let _ = removal.join();
    }
}
