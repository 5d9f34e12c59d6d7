# The call that an agent takes by UDP.
include "jaeger.thrift"

namespace cpp plume.idl

service Agent {
  oneway void emitBatch(1: jaeger.Batch batch)
}
