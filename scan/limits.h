#pragma once
// ScanLimits: how much of a layer the analyser reads before it stops and says so. A plain value.
//
// Layers come from anybody, so each of these has a test with an archive that reaches it. A reached limit makes the layer
// partial: what was found until then is kept, and the name of the limit is reported.

#include <cstdint>

namespace weir {

struct ScanLimits {
  std::uint64_t inflated_bytes = 20ull << 30;   // of one layer
  std::uint64_t inflation_ratio = 1000;         // inflated bytes for each compressed byte, once over 64 MiB
  std::uint64_t entries = 2'000'000;            // of one layer's tar
  std::uint64_t path_bytes = 4096;              // longer paths are skipped
  std::uint64_t database_bytes = 256ull << 20;  // one package database (dpkg, apk, rpm)
  std::uint64_t metadata_bytes = 4ull << 20;    // one small file: package.json, METADATA, os-release, ...
  std::uint64_t executable_bytes = 192ull << 20;  // one ELF file that is searched for build information
  std::uint64_t archive_bytes = 2ull << 30;     // inflated from one jar and all jars in it
  std::uint64_t archive_file_bytes = 128ull << 20;  // one jar
  std::uint64_t archive_entries = 200'000;      // of one jar and all jars in it
  unsigned archive_depth = 5;                   // jars in jars
  std::uint64_t packages = 200'000;             // of one layer
  std::uint64_t text_bytes = 1024;              // one name, version or licence; longer ones are cut or refused
  std::uint64_t links = 200'000;                // links of one layer that are kept for the join
  std::uint64_t whiteouts = 200'000;            // of one layer
  std::uint64_t owned_files = 4'000'000;        // files of one layer that packages of the distribution brought
  std::uint64_t system_files = 200;             // of one layer, with metadata_bytes for all of them
};

}  // namespace weir
