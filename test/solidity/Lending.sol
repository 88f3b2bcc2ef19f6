// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CashPool} from "../../contracts/clearing/CashPool.sol";
import {Interest} from "../../contracts/clearing/Interest.sol";
import {CashFigures, CashParameters} from "../../contracts/types/Cash.sol";

/// @title Lending
/// @notice A pool of cash as the vault uses it, without tokens that move, margin and limits: for tests of the pool
/// alone. Everything is in wads.
contract Lending {
    CashPool private _pool;
    mapping(uint256 account => int256 principal) public principalOf;
    /// @notice What the vault would count of the settlement token [wad].
    uint256 public tokens;
    /// @notice What all cash and the reserve must sum to: tokens, postings less what was collected, less what lenders
    /// bore [wad].
    int256 public backing;
    /// @notice How often an account's principal was written.
    uint256 public writes;

    constructor(CashParameters memory parameters) {
        _pool.open();
        _pool.setRules(parameters);
    }

    function deposit(uint256 account, uint256 amount) external {
        accrue();
        tokens += amount;
        backing += int256(amount);
        _change(account, int256(amount));
    }

    /// @notice Takes cash out, as a loan as far as there is none: within the cap, whatever the margin.
    function withdraw(uint256 account, uint256 amount) external {
        accrue();
        int256 principal = principalOf[account];
        if (_pool.presentOf(principal) < int256(amount)) _pool.requireLoan(principal, amount);
        tokens -= amount;
        backing -= int256(amount);
        _change(account, -int256(amount));
    }

    function post(uint256 account, int256 amount) external {
        accrue();
        _pool.net += int104(amount);
        backing += amount;
        _change(account, amount);
    }

    /// @notice Moves cash between two accounts: the sum is 0.
    function move(uint256 from, uint256 to, int256 amount) external {
        accrue();
        _change(from, -amount);
        _change(to, amount);
    }

    /// @notice Hands the fund's interest to an account.
    function collectFor(uint256 account) external returns (uint256 collected) {
        accrue();
        collected = _pool.collect();
        _pool.net += int104(int256(collected));
        _change(account, int256(collected));
    }

    function charge(uint256 loss, uint256 capBps) external returns (uint256 borne) {
        accrue();
        borne = _pool.charge(tokens, loss, capBps);
        backing -= int256(borne);
    }

    function setRules(CashParameters memory parameters) external {
        accrue();
        _pool.setRules(parameters);
    }

    function accrue() public {
        if (_pool.indebted) _pool.accrue(tokens);
    }

    /// @notice Puts the pool into any state.
    function become(CashPool memory state, uint256 newTokens) external {
        _pool = state;
        tokens = newTokens;
    }

    function stored() external view returns (CashPool memory) {
        return _pool;
    }

    function cashOf(uint256 account) public view returns (int256) {
        (Interest.Pool memory pool, ) = _pool.accrued(tokens);
        return Interest.presentOf(principalOf[account], pool.supplyIndex, pool.borrowIndex);
    }

    function reserve() external view returns (uint256) {
        (, uint256 toFund) = _pool.accrued(tokens);
        return _pool.reserved + toFund;
    }

    function figures() external view returns (CashFigures memory) {
        (Interest.Pool memory pool, ) = _pool.accrued(tokens);
        return _pool.figures(pool);
    }

    function spareOf(uint256 account, int256 least) external view returns (uint256) {
        (Interest.Pool memory pool, ) = _pool.accrued(tokens);
        return _pool.spareOf(pool, principalOf[account], least);
    }

    function loanRoom() external view returns (uint256) {
        (Interest.Pool memory pool, ) = _pool.accrued(tokens);
        return _pool.loanRoom(pool);
    }

    function _change(uint256 account, int256 amount) private {
        ++writes;
        (principalOf[account], ) = _pool.change(_pool.supplyIndex, principalOf[account], amount);
    }
}
