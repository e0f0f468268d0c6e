// Judges images with an exported detector: ./judge part.onnx 0.05 image.pgm [image.ppm ...]
// Needs the C++ package of onnxruntime: g++ -std=c++17 judge.cpp -I onnxruntime/include -L onnxruntime/lib -lonnxruntime -o judge
// Images are binary PGM (grey) or PPM (colour) of 8 bits and of the size of the model.
#include <onnxruntime_cxx_api.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

struct Image {
  int64_t height, width, channels;
  std::vector<uint8_t> data;
};

Image read_image(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string kind;
  Image image{};
  int largest = 0;
  file >> kind >> image.width >> image.height >> largest;
  file.get();  // the one white space before the pixels
  if ((kind != "P5" && kind != "P6") || largest != 255) throw std::runtime_error("expected a binary PGM or PPM file: " + path);
  image.channels = kind == "P5" ? 1 : 3;
  image.data.resize(image.height * image.width * image.channels);
  if (!file.read(reinterpret_cast<char*>(image.data.data()), image.data.size())) throw std::runtime_error("too short: " + path);
  return image;
}

int main(int count, char** arguments) try {
  if (count < 4) throw std::runtime_error("usage: judge part.onnx ALPHA IMAGE ...");
  double alpha = std::stod(arguments[2]);
  Ort::Env environment(ORT_LOGGING_LEVEL_WARNING, "judge");
  Ort::Session session(environment, arguments[1], Ort::SessionOptions{});
  auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  const std::array inputs{"pixels", "alpha"};
  const std::array outputs{"score", "p_value", "flagged"};
  for (int number = 3; number < count; ++number) {
    Image image = read_image(arguments[number]);
    std::array<int64_t, 4> shape{1, image.height, image.width, image.channels};
    std::array<int64_t, 1> one{1};
    std::array<Ort::Value, 2> given{
        Ort::Value::CreateTensor<uint8_t>(memory, image.data.data(), image.data.size(), shape.data(), shape.size()),
        Ort::Value::CreateTensor<double>(memory, &alpha, 1, one.data(), one.size())};
    auto found = session.Run(Ort::RunOptions{}, inputs.data(), given.data(), 2, outputs.data(), 3);
    std::cout << arguments[number] << ',' << *found[0].GetTensorData<double>() << ',' << *found[1].GetTensorData<double>() << ','
              << (*found[2].GetTensorData<bool>() ? "flagged" : "not flagged") << '\n';
  }
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 2;
}
