// Kept apart because it mirrors one place of the planner and changes when that does.
#include "pg/inlining.h"

#include "pg/compat.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
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

bool BodyMayBeInlined(const char* body, bool returns_set) {
  Node* statement = OnlyStatement(body);
  if (statement == nullptr || !IsA(statement, SelectStmt)) {
    return false;
  }
  return returns_set || IsBareSelect(reinterpret_cast<SelectStmt*>(statement));
}

// The parser touches no catalog, lock or file, so an error of its can be caught and forgotten
// without a subtransaction; the function is then left alone.
bool BodyMayBeInlinedOrIsBroken(HeapTuple procedure, bool returns_set) {
  MemoryContext scratch =
      AllocSetContextCreate(CurrentMemoryContext, "pg_hello inlining", ALLOCSET_DEFAULT_SIZES);
  MemoryContext caller = MemoryContextSwitchTo(scratch);
  volatile bool may_be = true;
  PG_TRY();
  {
    bool is_null = false;
    const Datum source = SysCacheGetAttr(PROCOID, procedure, Anum_pg_proc_prosrc, &is_null);
    may_be = is_null || BodyMayBeInlined(TextDatumGetCString(source), returns_set);
  }
  PG_CATCH();
  {
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
  // A body in SQL-standard syntax is stored analyzed; its text says nothing.
  if (!IsNull(procedure, Anum_pg_proc_prosqlbody)) {
    return true;
  }
  return BodyMayBeInlinedOrIsBroken(procedure, form->proretset);
}

}  // namespace pg_hello::pg
