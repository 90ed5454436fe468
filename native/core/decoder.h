// From a frame to a flow key and the packet's measures. Layers are decoded in turn by small functions, one file each:
// decode_link (link header, tags), decode_ip, decode_transport, decode_tunnel. Trouble in a frame is an annotation and the best key that what was read allows, never an error. Owner: the core's thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "cursor.h"
#include "decoded_packet.h"
#include "early_fragments.h"
#include "fragment_table.h"
#include "keyed_hash.h"
#include "meter_core.h"
#include "packet_identity.h"

namespace flowspan {

// The common way through a packet is one straight piece of code; what is rare stays out of its way.
#define FLOWSPAN_HOT [[gnu::always_inline]] inline
#define FLOWSPAN_COLD [[gnu::noinline]]

inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeIpv6 = 0x86dd;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeVlan = 0x8100;
inline constexpr uint16_t kEtherTypeServiceVlan = 0x88a8;
inline constexpr uint16_t kEtherTypeOldServiceVlan = 0x9100;
inline constexpr uint16_t kEtherTypeCiscoMetadata = 0x8909;
inline constexpr uint16_t kEtherTypeMpls = 0x8847;
inline constexpr uint16_t kEtherTypeMplsMulticast = 0x8848;
inline constexpr uint16_t kEtherTypePppoe = 0x8864;
inline constexpr uint16_t kEtherTypeTransparentBridging = 0x6558;

// Numbers of the IANA protocol registry that decoding treats by name.
enum IpProtocol : uint8_t {
  kHopByHop = 0, kIcmp = 1, kIgmp = 2, kIpInIp = 4, kTcp = 6, kUdp = 17, kDccp = 33, kIpv6InIp = 41, kRouting = 43,
  kFragmentHeader = 44, kGre = 47, kEsp = 50, kAh = 51, kIcmpv6 = 58, kNoNextHeader = 59, kDestinationOptions = 60,
  kL2tpv3 = 115, kSctp = 132, kMobility = 135, kUdpLite = 136, kHip = 139, kShim6 = 140,
};

inline constexpr bool hasPorts(uint8_t protocol) {
  return protocol == kTcp || protocol == kUdp || protocol == kSctp || protocol == kDccp || protocol == kUdpLite;
}

class RecentHeaders;
struct RecentSegment;

class Decoder {
 public:
  // `shortWays`: common packets are decoded in fewer steps, with the same outcome.
  Decoder(uint32_t tunnels, const KeyedHash& hash, uint64_t lastWordMask, bool shortWays = true)
      : tunnels_(tunnels), hash_(hash), lastWordMask_(lastWordMask) {
    segmentMask_.fill(1);
    if (shortWays) segmentMask_[kTcp] = -1;
    if (shortWays && tunnels == 0) segmentMask_[kUdp] = 0;  // else it may be one
  }

  // False when the frame is shorter than its link header: undecodable, `packet` is not to be used.
  bool decode(const PacketView& view, uint8_t interfaceSlot, DecodedPacket& packet) {
    return (view.isEthernetAlone() && commonPacket(view, interfaceSlot, packet)) || anyPacket(view, interfaceSlot, packet);
  }
  // Its two ways. The first is for Ethernet alone; false from it means that the packet is not a common one (decode_usual.h).
  bool commonPacket(const PacketView& view, uint8_t interfaceSlot, DecodedPacket& packet) const;
  FLOWSPAN_COLD bool anyPacket(const PacketView& view, uint8_t interfaceSlot, DecodedPacket& packet);
  // The third, for Ethernet alone: the common packet whose header came lately; and what keeps the header of a common packet (decode_recent.h).
  bool recentSegment(const PacketView& view, uint8_t interfaceSlot, RecentHeaders& recent, RecentSegment& segment) const;
  bool recentPacket(const PacketView& view, uint8_t interfaceSlot, RecentHeaders& recent, DecodedPacket& packet) const;
  void keepRecent(const PacketView& view, RecentHeaders& recent, DecodedPacket& packet) const;
  // The key of the packet that an ICMP error quotes. False when too little of it is there.
  bool decodeQuoted(const DecodedPacket& error, DecodedPacket& quoted);
  // Fills in what the first fragment showed, of a later fragment that came before it.
  void adoptPorts(DecodedPacket& packet, const FragmentPorts& ports);

  FragmentTable& fragments() { return fragments_; }
  const FragmentTable& fragments() const { return fragments_; }
  AnnotationArray& annotations() { return annotations_; }
  uint64_t fragmentMisses() const { return fragmentMisses_; }

 private:
  static constexpr unsigned kTunnelsMax = 4;
  static constexpr unsigned kTagsMax = 4;
  static constexpr unsigned kLabelsMax = 16;
  static constexpr unsigned kExtensionHeadersMax = 16;

  // What the octets at the cursor are.
  enum class Inner : uint8_t { nothing, ethernet, ipv4, ipv6 };

  template <bool six, unsigned before>
  bool recentIp(const PacketView& view, uint8_t interfaceSlot, RecentHeaders& recent, RecentSegment& segment) const;
  template <bool six>
  void keepRecentIp(const PacketView& view, const uint8_t* ip, RecentHeaders& recent, DecodedPacket& packet) const;
  bool common4(const PacketView& view, const uint8_t* ip, uint64_t vlan, uint8_t interfaceSlot, DecodedPacket& packet) const;
  bool common6(const PacketView& view, const uint8_t* ip, uint64_t vlan, uint8_t interfaceSlot, DecodedPacket& packet) const;
  template <bool six>
  bool commonTransport(const PacketView& view, const uint8_t* ip, uint32_t total, uint8_t protocol, DecodedPacket& packet) const;

  bool linkHeader(LinkType link, Cursor& cursor, DecodedPacket& packet, uint16_t& etherType);
  bool otherLinkHeader(LinkType link, Cursor& cursor, DecodedPacket& packet, uint16_t& etherType);
  uint16_t pppToEtherType(Cursor& cursor, uint16_t otherwise);
  uint16_t tags(Cursor& cursor, DecodedPacket& packet, uint16_t etherType, bool keep);
  uint16_t metadata(Cursor& cursor);
  uint16_t logicalLink(Cursor& cursor, DecodedPacket& packet);
  uint16_t mpls(Cursor& cursor, DecodedPacket& packet, uint16_t etherType, bool keep);
  uint16_t ipBehindLabels(const Cursor& cursor, uint16_t otherwise);
  uint16_t pppoe(Cursor& cursor, DecodedPacket& packet);

  // Decodes from an EtherType on, into tunnels where opened. False: no IP, the key is not filled.
  bool network(Cursor cursor, uint16_t etherType, DecodedPacket& packet, unsigned depth);
  bool ipv4(Cursor cursor, DecodedPacket& packet, unsigned depth);
  bool ipv6(Cursor cursor, DecodedPacket& packet, unsigned depth);
  bool extensionHeaders(Cursor& cursor, DecodedPacket& packet, uint8_t& next, uint32_t& jumboOctets, bool& later);
  uint64_t datagramOf(uint64_t datagram, const FlowKey& key) const;
  void laterFragment(DecodedPacket& packet);
  void transport(Cursor cursor, uint8_t protocol, uint32_t octets, DecodedPacket& packet, unsigned depth);
  bool withoutPorts(Cursor cursor, uint8_t protocol, uint32_t octets, DecodedPacket& packet, unsigned depth);
  void tcp(const Cursor& cursor, uint32_t octets, DecodedPacket& packet);
  void icmp(Cursor cursor, uint8_t protocol, DecodedPacket& packet);
  void gre(const Cursor& cursor, DecodedPacket& packet);
  void digest(const Cursor& cursor, uint8_t protocol, DecodedPacket& packet);

  bool opens(TunnelType type) const { return (tunnels_ >> static_cast<unsigned>(type) & 1) != 0; }
  bool mayBeTunnel(uint8_t protocol, const DecodedPacket& packet) const;
  // Opens a tunnel where set; false leaves the packet as the outer flow's.
  bool tunnel(Cursor cursor, uint8_t protocol, DecodedPacket& packet, unsigned depth);
  bool greTunnel(Cursor& cursor, TunnelType& type, uint32_t& id, Inner& inner, DecodedPacket& packet);
  bool udpTunnel(Cursor& cursor, TunnelType& type, uint32_t& id, Inner& inner, DecodedPacket& packet);
  bool l2tpv3(Cursor& cursor, uint32_t& id, Inner& inner);
  static Inner ipOf(const Cursor& cursor);
  static bool fillsTeredo(const Cursor& cursor, uint32_t octets);

  void ethernetKey(const uint8_t* macs, uint16_t etherType, DecodedPacket& packet);
  // Canonical order of endpoints, hash.
  void finish(DecodedPacket& packet) const;
  void annotate(DecodedPacket& packet, DecodeAnnotation annotation) const {
    if (packet.annotation == 0) packet.annotation = static_cast<uint8_t>(annotation);
  }

  uint32_t tunnels_;
  const KeyedHash hash_;  // a copy: one load less each time
  uint64_t lastWordMask_;
  // By protocol: all ones for TCP, 0 for UDP, 1 for what commonPacket does not know.
  std::array<int32_t, 256> segmentMask_;
  FragmentTable fragments_;
  AnnotationArray annotations_{};
  uint64_t fragmentMisses_ = 0;
  uint64_t identity_ = 0;  // IP fields that two copies share, of the packet being decoded
};

}  // namespace flowspan

#include "decode_usual.h"
