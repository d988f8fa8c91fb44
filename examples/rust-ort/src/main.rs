//! Encodes rows with a catvae bundle and decodes their codes, by onnxruntime through the crate ort.
//!
//!     ORT_DYLIB_PATH=/path/libonnxruntime.so cargo run --release -- BUNDLE CASE
//!
//! CASE is a folder that examples/cases writes: rows, and the codes and reconstructions that catvae makes of them.

use ort::{session::Session, value::Tensor};
use std::{error::Error, fs, path::Path, process::exit};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, bundle, case] = args.as_slice() else {
        eprintln!("usage: roundtrip-ort BUNDLE CASE");
        exit(64);
    };
    let (bundle, case) = (Path::new(bundle), Path::new(case));
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(bundle.join("manifest.json"))?)?;
    let input = &manifest["input"];
    let row: Vec<usize> = input["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
    let divide = input["divide"].as_f64().unwrap_or_else(|| 1.0 / input["scale"].as_f64().unwrap()) as f32;
    let environment = ort::init().build()?;
    let open = |name: &str| Session::builder(&environment)?.commit_from_file(bundle.join(name));
    let (mut encoder, mut threshold, mut decoder) = (open("encoder.onnx")?, open("threshold.onnx")?, open("decoder.onnx")?);

    // Rows as the file has them become what the graph takes: a division, and nothing else.
    let rows: Vec<f32> = if case.join("rows.u8").exists() {
        fs::read(case.join("rows.u8"))?.iter().map(|&b| b as f32 / divide).collect()
    } else {
        floats(&case.join("rows.f32"))?.iter().map(|x| x / divide).collect()
    };
    let n = rows.len() / row.iter().product::<usize>();
    let sample = Tensor::from_array(([&[n], row.as_slice()].concat(), rows))?;

    // Encode: rows to logits, logits to packed codes.
    let outputs = encoder.run(ort::inputs!["sample" => sample])?;
    let (shape, logits) = outputs["latent_logits"].try_extract_tensor::<f32>()?;
    let shape: Vec<usize> = shape.iter().map(|&d| d as usize).collect();
    let logits = Tensor::from_array((shape.clone(), logits.to_vec()))?;
    let outputs = threshold.run(ort::inputs!["latent_logits" => logits])?;
    let (_, packed) = outputs["packed_code"].try_extract_tensor::<u8>()?;

    // Decode the stored codes: bits, most significant first, as floats of the shape that the logits have.
    let stored = fs::read(case.join("codes.u8"))?;
    let (bits, bytes) = (shape[1..].iter().product::<usize>(), stored.len() / n);
    let code: Vec<f32> = (0..n * bits).map(|i| (stored[i / bits * bytes + i % bits / 8] >> (7 - i % bits % 8) & 1) as f32).collect();
    let rebuilt = decoder.run(ort::inputs!["code" => Tensor::from_array((shape, code))?])?;
    let (_, rebuilt) = rebuilt["reconstruction"].try_extract_tensor::<f32>()?;

    compare(packed, &stored, &fs::read(case.join("near.u8"))?, n * bits, rebuilt, &floats(&case.join("reconstruction.f32"))?)
}

fn floats(file: &Path) -> Result<Vec<f32>, Box<dyn Error>> {
    Ok(fs::read(file)?.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect())
}

/// Prints in how many bits and values the two differ. Bits that rounding may flip are left aside.
fn compare(packed: &[u8], stored: &[u8], near: &[u8], bits: usize, rebuilt: &[f32], wanted: &[f32]) -> Result<(), Box<dyn Error>> {
    assert!(packed.len() == stored.len() && near.len() == stored.len() && rebuilt.len() == wanted.len(), "the sizes differ");
    let ones = |b: u8| b.count_ones() as usize;
    let aside: usize = near.iter().map(|&b| ones(b)).sum();
    let differ: usize = (0..stored.len()).map(|i| ones((packed[i] ^ stored[i]) & !near[i])).sum();
    let far = rebuilt.iter().zip(wanted).filter(|(a, b)| !((*a - *b).abs() <= 1e-4 * b.abs().max(1.0))).count();
    println!("bits: {} equal, {differ} differ, {aside} aside; values: {} equal, {far} differ", bits - differ - aside, rebuilt.len() - far);
    exit((differ + far > 0) as i32)
}
