"""The operations that a SavedModel may hold.

Everything that is not here is refused, so that nothing runs Python, reads or writes
files, prints, or talks to anybody. Those that touch files are the loader's: they stand
in the two functions that the SavedModel names as its saver's, which nobody else calls.
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
StringNGrams StringSplitV2 StringStrip StringToNumber StringUpper Substr UnicodeDecode
UnicodeDecodeWithOffsets UnicodeEncode UnicodeTranscode UnsortedSegmentJoin ReduceJoin
"""
ALLOWED = frozenset(
    " ".join([LOADER, CONTROL, ARRAYS, MATHS, NETWORKS, INPUTS]).split()
)
OF_LIBRARY = {"tensorflow_text": "Sentencepiece"}  # what its operations begin with


ABSOLUTE = re.compile(rb"/[^/:\n]+/.")  # what a path begins with; no "/device:..."


def unknown(model, libraries=()):
    """The operations of a SavedModel that it may not hold.

    Args:
        model: SavedModel proto.
        libraries: of operations, that its contract names.

    Returns:
        list of str: each one, with the function that holds it.
    """
    begin = tuple(OF_LIBRARY[name] for name in libraries)
    found = []
    for meta in model.meta_graphs:
        functions = {f.signature.name for f in meta.graph_def.library.function}
        heads, savers = saver(meta)
        for place, node in nodes(meta.graph_def):
            known = node.op in ALLOWED | functions or node.op.startswith(begin)
            if not known and not (node.op in FILES and place in savers):
                found.append(f"{node.op} in {place}")
            called = {value.func.name for value in node.attr.values()} | {node.op}
            if called & savers and (place, node.name) not in heads:
                found.append(f"a call of the loader in {place}")
    return sorted(found)


def paths(model, words=()):
    """The absolute paths that a SavedModel knows.

    Args:
        model: SavedModel proto.
        words: of the data, which may look like paths.

    Returns:
        list of str.
    """
    words, found = {word.encode() for word in words}, set()
    for meta in model.meta_graphs:
        for _, node in nodes(meta.graph_def):
            for value in node.attr.values():
                texts = [value.s, *value.list.s, *value.tensor.string_val]
                found.update(t for t in texts if ABSOLUTE.match(t) and t not in words)
    return sorted(f"the path {text.decode(errors='replace')[:200]}" for text in found)


def nodes(graph):
    """Every node of a GraphDef.  -> iterator of (name of its function, NodeDef)."""
    yield from (("the graph", node) for node in graph.node)
    for function in graph.library.function:
        yield from ((function.signature.name, node) for node in function.node_def)


def saver(meta):
    """What saves and restores variables.

    Args:
        meta: MetaGraphDef.

    Returns:
        ({("the graph", name of a node)} that call them, {name of a function}).
    """
    names = {
        meta.saver_def.save_tensor_name.partition(":")[0],
        meta.saver_def.restore_op_name,
    }
    calls = [node for node in meta.graph_def.node if node.name in names]
    heads = {("the graph", node.name) for node in calls}
    return heads, {node.attr["f"].func.name for node in calls}
