// What the micro-benchmarks take for the data of a common event.
#pragma once

#include <string>

namespace skyhook::bench {

inline std::string contact() {
  return R"({"id":123456,"name":"Ada Lovelace","email":"ada@example.com","tags":["new","vip"],)"
         R"("customer":{"id":77,"plan":"pro","since":"2024-05-01"},"amount":129.95,)"
         R"("address":{"street":"12 Some Street","city":"London","zip":"N1 7AA"},)"
         R"("note":"called twice, wants to be called back on Monday morning"})";
}

}  // namespace skyhook::bench
