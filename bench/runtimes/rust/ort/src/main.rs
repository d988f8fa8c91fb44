//! Runs graphs by the crate ort: see peer.py.
use jobs::{Data, Job};
use ort::{environment::Environment, session::Session, value::Tensor};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let environment = ort::init().build()?;
    jobs::all(|job| run(&environment, job))
}

fn run(environment: &Environment, job: Job) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut session = Session::builder(environment)?.commit_from_file(&job.graph)?;
    let input = match job.data {
        Data::Floats(v) => Tensor::from_array((job.shape, v))?.into_dyn(),
        Data::Bytes(v) => Tensor::from_array((job.shape, v))?.into_dyn(),
    };
    let made = session.run(ort::inputs![job.input => input])?;
    job.outputs
        .iter()
        .map(|name| {
            let value = &made[name.as_str()];
            Ok(match value.try_extract_tensor::<f32>() {
                Ok((_, floats)) => jobs::bytes(floats),
                Err(_) => value.try_extract_tensor::<u8>()?.1.to_vec(),
            })
        })
        .collect()
}
