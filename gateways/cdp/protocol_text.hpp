// What Chromium's own port answers at /json/protocol, and its pipe cannot: the description of the
// protocol. Made once a version of Chromium, by one that is started for nothing else, and kept.
//
// Owned by the host of browsers; lives on its thread. Such a Chromium has the walls of the sandbox
// that asked first, a control group of its own, and no way out.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateways/cdp/browser_process.hpp"

namespace gateways {

class protocol_text {
 public:
  using receiver = std::function<void(protocol::result<std::string>)>;

  /// `folder`: where the texts are kept; made when it is needed.
  protocol_text(browser_surroundings& around, std::string folder)
      : around_(around), folder_(std::move(folder)) {}

  /// `product` as the browser names itself, "Chrome/156.0.1.2".
  void get(const std::string& sandbox_id, const std::string& product, receiver then);
  /// Ends what is being made.
  void stop();

 private:
  class making;
  void made(const std::string& product, protocol::result<std::string> text);
  std::string path_of(std::string product) const;

  browser_surroundings& around_;
  const std::string folder_;
  std::map<std::string, std::vector<receiver>> waiting_;      ///< by product
  std::map<std::string, std::shared_ptr<making>> under_way_;  ///< likewise
};

}  // namespace gateways
