#include "config/read_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace skyhook::config {
namespace {

struct FileClose {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

Result<std::string, std::string> read_file(const std::string& path, std::size_t limit) {
  const std::unique_ptr<std::FILE, FileClose> file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return Err{std::string(std::strerror(errno))};
  std::string content(limit + 1, '\0');
  content.resize(std::fread(content.data(), 1, content.size(), file.get()));
  if (std::ferror(file.get()) != 0) return Err{std::string(std::strerror(errno))};
  if (content.size() > limit) return Err{"it is larger than " + std::to_string(limit) + " bytes"};
  return content;
}

}  // namespace skyhook::config
