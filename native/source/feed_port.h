// One interface whose frames JavaScript reads: what the kernel says about it, and its counters. Owned by one worker thread.
// It is looked after by index, so that a rename does not matter; a new device of the old name takes its place.
#pragma once

#include <memory>
#include <string>

#include "feed_lane.h"
#include "interface_facts.h"
#include "offloads.h"
#include "source.h"

namespace flowspan {

struct FeedOptions {
  std::string filter;
  uint32_t snapLength = 256;
  bool manageOffloads = true;
  std::string memoryFolder;
};

class FeedPort {
 public:
  // Throws Failure ENODEV, EPERM, EBADFILTER, ELINKTYPE, so that the reader, who has only words, need not be asked.
  FeedPort(const std::string& name, const FeedOptions& options);
  void start();
  void check();
  void refreshCounters(uint64_t tapped);
  void report(InterfaceReport& to, uint64_t dropped) const;
  std::string trouble() const;

  void countReceived() { received_++; }
  LinkType link() const { return link_; }
  uint32_t index() const { return index_; }
  bool isUp() const { return up_; }
  uint64_t droppedByNic() const { return droppedByNic_; }
  uint64_t filtered() const { return filtered_; }

 private:
  void attend(uint32_t index);

  const std::string configured_;
  const FeedOptions options_;
  std::string name_;
  uint32_t index_ = 0;
  LinkType link_ = LinkType::ethernet;
  std::unique_ptr<Offloads> offloads_;
  bool attended_ = false;
  bool present_ = true;
  bool up_ = false;
  uint32_t mtu_ = 0;
  uint32_t checks_ = 0;
  uint64_t received_ = 0;
  uint64_t droppedByNic_ = 0;
  uint64_t portPackets_ = 0;
  uint64_t filtered_ = 0;
  InterfaceCounters baseline_;
};

}  // namespace flowspan
