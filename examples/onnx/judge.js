// Judges images with an exported detector: node judge.js part.onnx [--alpha 0.05] image.pgm [image.ppm ...]
// Needs: npm install onnxruntime-node. Images are binary PGM (grey) or PPM (colour) of 8 bits and of the size of the model.
const fs = require("fs");
const ort = require("onnxruntime-node");

// Returns {height, width, channels, data} of a binary PGM or PPM file.
function readImage(path) {
  const bytes = fs.readFileSync(path);
  const head = /^(P5|P6)\s+(?:#.*\n\s*)*(\d+)\s+(\d+)\s+255\s/.exec(bytes.toString("latin1", 0, 512));
  if (head === null) throw new Error(`expected a binary PGM or PPM file of 8 bits, got ${path}`);
  const [width, height, channels] = [Number(head[2]), Number(head[3]), head[1] === "P5" ? 1 : 3];
  const data = new Uint8Array(bytes.subarray(head[0].length, head[0].length + height * width * channels));
  if (data.length < height * width * channels) throw new Error(`${path} ends before its last pixel`);
  return { height, width, channels, data };
}

async function main(args) {
  const at = args.indexOf("--alpha");
  const alpha = at < 0 ? 0.05 : Number(args.splice(at, 2)[1]);
  const [model, ...paths] = args;
  if (!(alpha > 0 && alpha < 1) || paths.length === 0) throw new Error("usage: node judge.js part.onnx [--alpha 0.05] IMAGE ...");
  const session = await ort.InferenceSession.create(model);
  for (const path of paths) {
    const { height, width, channels, data } = readImage(path);
    const { score, p_value, flagged } = await session.run({
      pixels: new ort.Tensor("uint8", data, [1, height, width, channels]),
      alpha: new ort.Tensor("float64", Float64Array.of(alpha), [1]),
    });
    console.log([path, score.data[0], p_value.data[0], flagged.data[0] ? "flagged" : "not flagged"].join(","));
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(2);
});
