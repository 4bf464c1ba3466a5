// Kept apart because it mirrors one place of the planner and changes when that does.
#include "pg/inlining.h"

#include "pg/compat.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodes.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
}

namespace pg_hello::pg {

namespace {

bool IsNull(HeapTuple procedure, int attribute) {
  bool is_null = false;
  SysCacheGetAttr(PROCOID, procedure, static_cast<AttrNumber>(attribute), &is_null);
  return is_null;
}

extern "C" {

// True as soon as a sub-select is found. On raw parse trees.
static bool HasSubLink(Node* node, void* context) {
  if (node == nullptr) {
    return false;
  }
  return IsA(node, SubLink) || WalkRawTree(node, HasSubLink, context);
}

}  // extern "C"

// "SELECT expression" with nothing around it, the only thing that inline_function() takes. Looks at
// grammar only: aggregates and set-returning functions in the expression are not recognized.
bool IsBareSelect(SelectStmt* select) {
  return select->distinctClause == NIL && select->intoClause == nullptr &&
         list_length(select->targetList) == 1 && select->fromClause == NIL &&
         select->whereClause == nullptr && select->groupClause == NIL &&
         select->havingClause == nullptr && select->windowClause == NIL &&
         select->valuesLists == NIL && select->sortClause == NIL &&
         select->limitOffset == nullptr && select->limitCount == nullptr &&
         select->withClause == nullptr && select->op == SETOP_NONE &&
         !HasSubLink(reinterpret_cast<Node*>(select->targetList), nullptr);
}

// The one statement of the body, or null if there is none or there are several.
Node* OnlyStatement(const char* body) {
  List* statements = raw_parser(body, RAW_PARSE_DEFAULT);
  if (list_length(statements) != 1) {
    return nullptr;
  }
  return castNode(RawStmt, linitial(statements))->stmt;
}

bool TextMayBeInlined(const char* body, bool returns_set) {
  Node* statement = OnlyStatement(body);
  if (statement == nullptr || !IsA(statement, SelectStmt)) {
    return false;
  }
  return returns_set || IsBareSelect(reinterpret_cast<SelectStmt*>(statement));
}

// The same of an analyzed query.
bool IsBareSelect(const Query* query) {
  return !query->hasAggs && !query->hasWindowFuncs && !query->hasTargetSRFs &&
         !query->hasSubLinks && query->cteList == NIL && query->rtable == NIL &&
         query->jointree->fromlist == NIL && query->jointree->quals == nullptr &&
         query->groupClause == NIL && query->groupingSets == NIL && query->havingQual == nullptr &&
         query->windowClause == NIL && query->distinctClause == NIL && query->sortClause == NIL &&
         query->limitOffset == nullptr && query->limitCount == nullptr &&
         query->setOperations == nullptr && list_length(query->targetList) == 1;
}

// A body in SQL-standard syntax is stored analyzed: one query, or a list of a list of them.
bool AnalyzedMayBeInlined(const char* body, bool returns_set) {
  Node* node = static_cast<Node*>(stringToNode(body));
  if (IsA(node, List)) {
    List* queries = linitial_node(List, castNode(List, node));
    if (list_length(queries) != 1) {
      return false;
    }
    node = static_cast<Node*>(linitial(queries));
  }
  if (!IsA(node, Query) || castNode(Query, node)->commandType != CMD_SELECT) {
    return false;
  }
  return returns_set || IsBareSelect(castNode(Query, node));
}

bool BodyMayBeInlined(HeapTuple procedure, bool returns_set) {
  bool is_null = false;
  const Datum analyzed = SysCacheGetAttr(PROCOID, procedure, Anum_pg_proc_prosqlbody, &is_null);
  if (!is_null) {
    return AnalyzedMayBeInlined(TextDatumGetCString(analyzed), returns_set);
  }
  const Datum source = SysCacheGetAttr(PROCOID, procedure, Anum_pg_proc_prosrc, &is_null);
  return is_null || TextMayBeInlined(TextDatumGetCString(source), returns_set);
}

// A body that is no SQL is nothing unusual: errors of that kind come from the parser, which touches
// no catalog, lock or file, and can be forgotten here; the function is then left alone.
bool BodyMayBeInlinedOrIsBroken(HeapTuple procedure, bool returns_set) {
  MemoryContext scratch =
      AllocSetContextCreate(CurrentMemoryContext, "pg_hello inlining", ALLOCSET_DEFAULT_SIZES);
  MemoryContext caller = MemoryContextSwitchTo(scratch);
  volatile bool may_be = true;
  PG_TRY();
  { may_be = BodyMayBeInlined(procedure, returns_set); }
  PG_CATCH();
  {
    if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION) {
      PG_RE_THROW();
    }
    MemoryContextSwitchTo(scratch);
    FlushErrorState();
  }
  PG_END_TRY();
  MemoryContextSwitchTo(caller);
  MemoryContextDelete(scratch);
  return may_be;
}

}  // namespace

bool MayBeInlined(HeapTuple procedure) {
  auto* form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(procedure));
  if (form->prokind != PROKIND_FUNCTION || form->prosecdef ||
      !IsNull(procedure, Anum_pg_proc_proconfig)) {
    return false;
  }
  if (form->proretset) {
    if (form->prorettype == VOIDOID || form->proisstrict ||
        form->provolatile == PROVOLATILE_VOLATILE) {
      return false;
    }
  } else if (form->prorettype == RECORDOID) {
    return false;
  }
  return BodyMayBeInlinedOrIsBroken(procedure, form->proretset);
}

}  // namespace pg_hello::pg
