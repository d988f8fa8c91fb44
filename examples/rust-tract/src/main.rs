//! Encodes rows with a catvae bundle and decodes their codes, by tract alone: pure Rust, no native library.
//!
//!     cargo run --release -- BUNDLE CASE
//!
//! CASE is a folder that examples/cases writes: rows, and the codes and reconstructions that catvae makes of them.

use std::{fs, path::Path, process::exit};
use tract_onnx::prelude::*;

fn main() -> TractResult<()> {
    let args: Vec<String> = std::env::args().collect();
    let [_, bundle, case] = args.as_slice() else {
        eprintln!("usage: roundtrip-tract BUNDLE CASE");
        exit(64);
    };
    let (bundle, case) = (Path::new(bundle), Path::new(case));
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(bundle.join("manifest.json"))?)?;
    let input = &manifest["input"];
    let row: Vec<usize> = input["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
    let divide = input["divide"].as_f64().unwrap_or_else(|| 1.0 / input["scale"].as_f64().unwrap()) as f32;

    // Rows as the file has them become what the graph takes: a division, and nothing else.
    let rows: Vec<f32> = if case.join("rows.u8").exists() {
        fs::read(case.join("rows.u8"))?.iter().map(|&b| b as f32 / divide).collect()
    } else {
        floats(&case.join("rows.f32"))?.iter().map(|x| x / divide).collect()
    };
    let n = rows.len() / row.iter().product::<usize>();
    let sample = Tensor::from_shape(&[&[n], row.as_slice()].concat(), &rows)?;

    // Encode. tract finds outputs by the names of their nodes, which a bundle calls as it calls the outputs.
    let logits = run(&bundle.join("encoder.onnx"), "latent_logits", sample)?;
    let shape = logits.shape().to_vec();
    let packed = run(&bundle.join("threshold.onnx"), "packed_code", logits)?;

    // Decode the stored codes: bits, most significant first, as floats of the shape that the logits have.
    let stored = fs::read(case.join("codes.u8"))?;
    let (bits, bytes) = (shape[1..].iter().product::<usize>(), stored.len() / n);
    let code: Vec<f32> = (0..n * bits).map(|i| (stored[i / bits * bytes + i % bits / 8] >> (7 - i % bits % 8) & 1) as f32).collect();
    let rebuilt = run(&bundle.join("decoder.onnx"), "reconstruction", Tensor::from_shape(&shape, &code)?)?;

    compare(packed.try_as_plain_ram()?.as_slice::<u8>()?, &stored, &fs::read(case.join("near.u8"))?, n * bits, rebuilt.try_as_plain_ram()?.as_slice::<f32>()?, &floats(&case.join("reconstruction.f32"))?)
}

/// Runs a graph of one input and returns the output of a name.
fn run(graph: &Path, output: &str, input: Tensor) -> TractResult<Tensor> {
    let model = tract_onnx::onnx()
        .model_for_path(graph)?
        .with_outputs_by_name([output])?
        .with_input_fact(0, InferenceFact::dt_shape(input.datum_type(), input.shape()))?
        .into_optimized()?
        .into_runnable()?;
    Ok(model.run(tvec!(input.into()))?.remove(0).into_tensor())
}

fn floats(file: &Path) -> TractResult<Vec<f32>> {
    Ok(fs::read(file)?.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect())
}

/// Prints in how many bits and values the two differ. Bits that rounding may flip are left aside.
fn compare(packed: &[u8], stored: &[u8], near: &[u8], bits: usize, rebuilt: &[f32], wanted: &[f32]) -> TractResult<()> {
    assert!(packed.len() == stored.len() && near.len() == stored.len() && rebuilt.len() == wanted.len(), "the sizes differ");
    let ones = |b: u8| b.count_ones() as usize;
    let aside: usize = near.iter().map(|&b| ones(b)).sum();
    let differ: usize = (0..stored.len()).map(|i| ones((packed[i] ^ stored[i]) & !near[i])).sum();
    let far = rebuilt.iter().zip(wanted).filter(|(a, b)| !((*a - *b).abs() <= 1e-4 * b.abs().max(1.0))).count();
    println!("bits: {} equal, {differ} differ, {aside} aside; values: {} equal, {far} differ", bits - differ - aside, rebuilt.len() - far);
    exit((differ + far > 0) as i32)
}
