"""Operations that a SavedModel may hold.

All other operations are refused, so that nothing runs Python, reads or writes files,
prints, or opens a connection. Only the loader may use operations on files: in the two
functions that the SavedModel names as its saver, which no other function may call.
"""

import re

FILES = frozenset({"MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename"})
LOADER = """
AssignVariableOp ReadVariableOp
StaticRegexFullMatch StringJoin VarHandleOp VarIsInitializedOp
HashTableV2 InitializeTableV2 LookupTableExportV2 LookupTableFindV2 LookupTableImportV2
LookupTableSizeV2 MutableHashTableV2 StaticRegexReplace
"""
CONTROL = """
Assert Case DisableCopyOnRead EnsureShape Identity IdentityN If NoOp PartitionedCall
Placeholder PreventGradient StatefulPartitionedCall StatelessCase StatelessIf
StatelessWhile StopGradient While
"""
ARRAYS = """
BatchToSpaceND Bitcast BroadcastArgs BroadcastTo Cast ConcatV2 Const DepthToSpace
DynamicPartition DynamicStitch Empty ExpandDims Fill GatherNd GatherV2 InvertPermutation
LinSpace LowerBound MatrixBandPart MatrixDiagV3 MirrorPad OneHot OnesLike Pack Pad PadV2
ParallelDynamicStitch Rank Range Reshape ResourceGather ReverseSequence ReverseV2 Roll
ScatterNd Shape ShapeN Size Slice SpaceToBatchND SpaceToDepth Split SplitV Squeeze
StridedSlice TensorScatterAdd TensorScatterUpdate Tile Transpose Unique UniqueV2 Unpack
UnravelIndex UpperBound Where ZerosLike
TensorListConcatV2 TensorListElementShape TensorListFromTensor TensorListGather
TensorListGetItem TensorListLength TensorListPushBack TensorListReserve
TensorListResize TensorListSetItem TensorListSplit TensorListStack EmptyTensorList
RaggedBincount RaggedGather RaggedRange RaggedTensorToTensor RaggedTensorToVariant
SegmentMax SegmentSum UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentSum
"""
MATHS = """
Abs AddN AddV2 All Any ArgMax ArgMin BatchMatMulV2 BatchMatMulV3 BitwiseAnd BitwiseOr
BitwiseXor Ceil ClipByValue Cos Cumsum DivNoNan Einsum Elu Equal Erf Exp Expm1 FloorDiv
Floor FloorMod Greater GreaterEqual IsFinite IsInf IsNan LeftShift Less LessEqual Log
Log1p LogicalAnd LogicalNot LogicalOr MatMul Max Maximum Mean Min Minimum Mod Mul
MulNoNan Neg NotEqual Pow Prod RealDiv Reciprocal RightShift Rint Round Rsqrt Select
SelectV2 Sigmoid Sign Sin Sqrt Square SquaredDifference Sub Sum Tan Tanh TopKV2 Xdivy
Xlogy
StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg
StatelessRandomUniformFullIntV2 StatelessRandomUniformIntV2 StatelessRandomUniformV2
"""
NETWORKS = """
AvgPool BiasAdd Conv2D DepthwiseConv2dNative FusedBatchNormV3 LogSoftmax LRN MaxPool
Relu Relu6 Selu Softmax Softplus Softsign
"""
INPUTS = """
AdjustContrastv2 DecodeImage DecodeJpeg DecodePng ExtractJpegShape ResizeBicubic
ResizeBilinear ResizeNearestNeighbor ScaleAndTranslate
AsString DecodeRaw RegexFullMatch RegexReplace StringFormat StringLength StringLower
StringNGrams StringSplitV2 StringStrip StringToHashBucketFast StringToNumber
StringUpper Substr UnicodeDecode
UnicodeDecodeWithOffsets UnicodeEncode UnicodeTranscode UnsortedSegmentJoin ReduceJoin
"""
ALLOWED = frozenset(
    " ".join([LOADER, CONTROL, ARRAYS, MATHS, NETWORKS, INPUTS]).split()
)
OF_LIBRARY = {"tensorflow_text": "Sentencepiece"}  # prefix of its operations' names


ABSOLUTE = re.compile(rb"/[^/:\n]+/.")  # start of a path; not of "/device:..."


def unknown(model, libraries=()):
    """Operations of a SavedModel that it may not hold.

    Args:
        model: SavedModel proto.
        libraries: names of the libraries of operations that its contract names.

    Returns:
        list of str: each operation with the function that holds it; [] if there is
        none.
    """
    begin = tuple(OF_LIBRARY[name] for name in libraries)
    found = []
    for meta in model.meta_graphs:
        functions = {f.signature.name for f in meta.graph_def.library.function}
        heads, savers = saver(meta)
        for place, node in nodes(meta.graph_def):
            # a function of the graph may be an operation: its nodes are looked at too
            known = node.op in ALLOWED | functions or node.op.startswith(begin)
            if not known and not (node.op in FILES and place in savers):
                found.append(f"{node.op} in {place}")
            # a function is called by an attribute (PartitionedCall) or by its name
            called = {value.func.name for value in node.attr.values()} | {node.op}
            if called & savers and (place, node.name) not in heads:
                found.append(f"a call of the loader in {place}")
    return sorted(found)


def paths(model, words=()):
    """Absolute paths in the constants and attributes of a SavedModel.

    Args:
        model: SavedModel proto.
        words: list of str of the data, which may look like paths.

    Returns:
        list of str, "the path ..." for each; [] if there is none.
    """
    words, found = {word.encode() for word in words}, set()
    for meta in model.meta_graphs:
        for _, node in nodes(meta.graph_def):
            for value in node.attr.values():
                texts = [value.s, *value.list.s, *value.tensor.string_val]
                found.update(t for t in texts if ABSOLUTE.match(t) and t not in words)
    return sorted(f"the path {text.decode(errors='replace')[:200]}" for text in found)


def nodes(graph):
    """All nodes of a GraphDef.  -> iterator of (name of its function, NodeDef)."""
    yield from (("the graph", node) for node in graph.node)
    for function in graph.library.function:
        yield from ((function.signature.name, node) for node in function.node_def)


def saver(meta):
    """The functions that save and restore variables, and the nodes that call them.

    Args:
        meta: MetaGraphDef.

    Returns:
        (heads, savers): set of ("the graph", name of a node that calls one), set of
        names of functions.
    """
    names = {
        meta.saver_def.save_tensor_name.partition(":")[0],
        meta.saver_def.restore_op_name,
    }
    calls = [node for node in meta.graph_def.node if node.name in names]
    heads = {("the graph", node.name) for node in calls}
    return heads, {node.attr["f"].func.name for node in calls}
