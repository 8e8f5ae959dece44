/// A description in which every name is one that generated code uses itself.
#[service(name = "vec")]
trait Vec {
    fn read(
        service: &str,
        args: &[&str],
        reply: Option<&Bytes>,
        answer: Option<&[Bytes]>,
        halves: Option<&BTreeMap<String, Value>>,
        outcome: Option<(u32, Graph)>,
        call: Option<&[(&str, Scalar)]>,
        list: Option<bool>,
    ) -> BTreeMap<String, Vec<(Endpoint, ServiceInfo, Option<Severity>, Args)>>;
    #[name = "watch"]
    fn into(#[lossy] text: &str, r#type: i64, f: f64, #[lossy] r#fn: Option<&str>) -> Stream<(u8, String)>;
    fn publish(
        input: &str,
        output: &Value,
        kind: &Bytes,
    ) -> Session<Messages, Stream<((Value, i64),)>>;
    #[name = "log"]
    fn from_log(x: crate::Own, y: &crate::Own, z: Option<&[crate::Own]>);
}

trait Messages {
    fn a(#[lossy] kind: &str, args: &Bytes, rest: &[&str], other: Option<&[(&str, Scalar)]>, list: Option<&Value>);
    fn value(#[lossy] text: Option<&str>);
    #[name = "*/"]
    fn star(x: u8);
    #[name = "\n"]
    fn new_line(x: crate::Own);
}
