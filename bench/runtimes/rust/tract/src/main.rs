//! Runs graphs by tract: see peer.py.
use jobs::{Data, Job};
use std::error::Error;
use tract_onnx::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    jobs::all(|job| run(job).map_err(|e| format!("{e:#}").into()))
}

fn run(job: Job) -> TractResult<Vec<Vec<u8>>> {
    let input = match job.data {
        Data::Floats(v) => Tensor::from_shape(&job.shape, &v)?,
        Data::Bytes(v) => Tensor::from_shape(&job.shape, &v)?,
    };
    let model = tract_onnx::onnx()
        .model_for_path(&job.graph)?
        .with_outputs_by_name(&job.outputs)?
        .with_input_fact(0, InferenceFact::dt_shape(input.datum_type(), input.shape()))?
        .into_optimized()?
        .into_runnable()?;
    let made = model.run(tvec!(input.into()))?;
    made.iter()
        .map(|v| {
            let plain = v.try_as_plain_ram()?;
            Ok(if v.datum_type() == f32::datum_type() { jobs::bytes(plain.as_slice::<f32>()?) } else { plain.as_slice::<u8>()?.to_vec() })
        })
        .collect()
}
