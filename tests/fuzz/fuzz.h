// What the fuzz targets share. Each target checks invariants, not only that nothing crashes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace skyhook::fuzz {

// A broken invariant: libFuzzer keeps the input that led here.
inline void require(bool holds, const char* invariant) {
  if (holds) return;
  std::fprintf(stderr, "broken invariant: %s\n", invariant);
  std::abort();
}

// The input as text. A copy of exactly its size, so that reading past the end is noticed.
inline std::string text_of(const std::uint8_t* data, std::size_t size) {
  return size == 0 ? std::string() : std::string(reinterpret_cast<const char*>(data), size);
}

// An input of two parts: its first line, and what follows it. Copies of exactly their sizes.
inline std::pair<std::string, std::string> first_line_and_rest(const std::uint8_t* data,
                                                               std::size_t size) {
  const std::string text = text_of(data, size);
  const std::size_t line = std::min(text.find('\n'), text.size());
  return {text.substr(0, line), text.substr(std::min(line + 1, text.size()))};
}

// The lengths in which `text` arrives: from one byte at a time to all at once, by `seed`.
template <class Use>
void in_pieces(std::string_view text, std::uint32_t seed, Use use) {
  std::uint32_t state = seed | 1U;
  while (!text.empty()) {
    state = state * 1664525U + 1013904223U;
    const std::size_t longest = seed % 4 == 0 ? 1 : 1 + (state >> 24) % 64;
    const std::string_view piece = text.substr(0, longest);
    text.remove_prefix(piece.size());
    if (!use(piece)) return;
  }
}

// A number that depends on every byte, for choices that need no byte of their own in the input.
inline std::uint32_t seed_of(std::string_view text) {
  std::uint32_t hash = 2166136261U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

}  // namespace skyhook::fuzz
