//! Runs graphs by rten: see peer.py.
use jobs::{Data, Job};
use rten::{Model, Value, ValueOrView};
use rten_tensor::prelude::*;
use rten_tensor::Tensor;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    jobs::all(run)
}

fn run(job: Job) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let model = Model::load_file(&job.graph)?;
    let input: Value = match job.data {
        Data::Floats(v) => Tensor::from_data(job.shape.as_slice(), v).into(),
        Data::Bytes(v) => Tensor::from_data(job.shape.as_slice(), v).into(),
    };
    let wanted = job.outputs.iter().map(|o| model.node_id(o)).collect::<Result<Vec<_>, _>>()?;
    let made = model.run(vec![(model.node_id(&job.input)?, ValueOrView::from(input))], &wanted, None)?;
    made.into_iter()
        .map(|value| match value {
            Value::FloatTensor(t) => Ok(jobs::bytes(&t.to_vec())),
            Value::UInt8Tensor(t) => Ok(t.to_vec()),
            other => Err(format!("an output of type {:?}", other.dtype()).into()),
        })
        .collect()
}
