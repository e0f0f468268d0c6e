// Judges images with an exported detector: dotnet run -- part.onnx 0.05 image.pgm [image.ppm ...]
// Needs: dotnet add package Microsoft.ML.OnnxRuntime. Images are binary PGM (grey) or PPM (colour) of 8 bits and of the size of
// the model.
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

if (args.Length < 3)
{
    Console.Error.WriteLine("usage: Judge part.onnx ALPHA IMAGE ...");
    return 2;
}
var alpha = double.Parse(args[1], CultureInfo.InvariantCulture);
using var session = new InferenceSession(args[0]);
foreach (var path in args.Skip(2))
{
    using var results = session.Run(new[]
    {
        NamedOnnxValue.CreateFromTensor("pixels", ReadImage(path)),
        NamedOnnxValue.CreateFromTensor("alpha", new DenseTensor<double>(new[] { alpha }, new[] { 1 })),
    }, new[] { "score", "p_value", "flagged" });
    var found = results.ToDictionary(value => value.Name);
    var score = found["score"].AsTensor<double>()[0];
    var pValue = found["p_value"].AsTensor<double>()[0];
    var verdict = found["flagged"].AsTensor<bool>()[0] ? "flagged" : "not flagged";
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{path},{score},{pValue},{verdict}"));
}
return 0;

// Returns the pixels of a binary PGM or PPM file as 1,height,width,channels.
static DenseTensor<byte> ReadImage(string path)
{
    var bytes = File.ReadAllBytes(path);
    var head = Regex.Match(Encoding.Latin1.GetString(bytes, 0, Math.Min(512, bytes.Length)), @"^(P5|P6)\s+(\d+)\s+(\d+)\s+255\s");
    if (!head.Success) throw new InvalidDataException($"expected a binary PGM or PPM file of 8 bits, got {path}");
    int width = int.Parse(head.Groups[2].Value), height = int.Parse(head.Groups[3].Value);
    var channels = head.Groups[1].Value == "P5" ? 1 : 3;
    var pixels = bytes.AsMemory(head.Length, height * width * channels);
    return new DenseTensor<byte>(pixels, new[] { 1, height, width, channels });
}
