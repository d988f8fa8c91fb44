//! What the peers in Rust have in common: the jobs that runtimes.py asks for. See peer.py.

use std::{error::Error, fs};

pub enum Data {
    Floats(Vec<f32>),
    Bytes(Vec<u8>),
}

/// One graph to run: an input, and the outputs that are wanted.
pub struct Job {
    pub graph: String,
    pub input: String,
    pub shape: Vec<usize>,
    pub data: Data,
    pub outputs: Vec<String>,
}

/// Runs the jobs of a file from a number on: run gives the wanted outputs as bytes.
pub fn all(run: impl Fn(Job) -> Result<Vec<Vec<u8>>, Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let jobs: Vec<serde_json::Value> = serde_json::from_slice(&fs::read(&args[1])?)?;
    for j in &jobs[args[2].parse()?..] {
        let raw = fs::read(j["file"].as_str().unwrap())?;
        let text = |v: &serde_json::Value| v.as_str().unwrap().to_string();
        let outputs = j["outputs"].as_array().unwrap();
        let job = Job {
            graph: text(&j["graph"]),
            input: text(&j["input"]),
            shape: j["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect(),
            data: match j["dtype"].as_str() {
                Some("uint8") => Data::Bytes(raw),
                _ => Data::Floats(raw.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()),
            },
            outputs: outputs.iter().map(|o| text(&o[0])).collect(),
        };
        match run(job) {
            Ok(made) => {
                for (o, data) in outputs.iter().zip(made) {
                    fs::write(o[1].as_str().unwrap(), data)?;
                }
                println!("ok")
            }
            Err(e) => println!("{}", e.to_string().split_whitespace().collect::<Vec<_>>().join(" ")),
        }
    }
    Ok(())
}

pub fn bytes(floats: &[f32]) -> Vec<u8> {
    floats.iter().flat_map(|f| f.to_le_bytes()).collect()
}
